"""The turn protocol's bytes: events the host writes, effects the guest leaves (docs/protocol.md).

Owns encoding and decoding only. Must not act on anything it reads.
"""
