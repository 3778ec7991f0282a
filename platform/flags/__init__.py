"""Feature flags: what tenants define, and the one engine that evaluates them.

Owns flags, segments, environments and layers as rows, and their evaluation, which the gateway, workers, OFREP and the APIs share. Must not
choose a version for a request by itself: the gateway asks.
"""
