"""The host's half of `crypto.subtle`, compression streams and `caches`: what a guest asks for by CALL with an empty binding.

Owns the work and its price (docs/protocol.md, "Cryptography"). Must not keep a key: each question brings its own.
"""
