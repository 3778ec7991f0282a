"""The Django project: settings, addresses, servers' entries, logging.

Owns how the pieces are put together. Must not hold a rule of the product: those live in `tenants`, `jobs`, `api` and `cfapi`.
"""
