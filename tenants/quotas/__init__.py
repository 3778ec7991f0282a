"""Counting what a quota allows in a period, exactly, over any number of processes.

    counting.py     what is asked of a store            mapped.py   one machine: a mapped file
    shared.py       many machines: Redis                stored.py   many machines without Redis: the database

Owns the choice of the store and nothing else: Redis where there is one, a file where the database is SQLite (and so the machine the only
one), else the database. Must not know whose request is counted: the gateway does (gateway/quota.py).
"""

from __future__ import annotations

from django.conf import settings

from tenants.quotas.counting import Counter, Store, StoreFailed, Taken
from tenants.quotas.mapped import MappedCounts
from tenants.quotas.shared import RedisCounts
from tenants.quotas.stored import DatabaseCounts

__all__ = ["Counter", "Store", "StoreFailed", "Taken", "store"]

_stores: dict[str, Store] = {}


def store() -> Store:
    """This installation's store; the same object for the same settings."""
    config = settings.HOSTEL
    if config.redis_url:
        return _stores.setdefault(config.redis_url, RedisCounts(config.redis_url))
    if not config.database.startswith("sqlite"):
        return _stores.setdefault("database", DatabaseCounts())
    path = config.home / "quotas"
    known = _stores.get(str(path))
    # Mapping takes a file, so it is not made only to be dropped.
    return known if known is not None else _stores.setdefault(str(path), MappedCounts(path))
