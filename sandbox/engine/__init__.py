"""The engine room: wasmtime, instances of the guest, and images of their memory.

Owns everything that touches WebAssembly. Must not know what a request is: it runs turns over bytes.
"""
