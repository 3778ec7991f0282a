"""The host's half of `crypto.subtle`: what a guest asks for by CALL with an empty binding (docs/protocol.md, "Cryptography").

Owns the arithmetic and its price. Keeps no key: each question brings its own, and nothing of it is remembered.
"""
