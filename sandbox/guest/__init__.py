"""The guest: QuickJS-ng with our C and JavaScript layers, and how it is built.

Owns everything that ends up inside the WebAssembly module. Must not run tenants' code; see `sandbox.engine`.
"""
