"""The store behind `caches`: bounded by entry, tenant and process, aged, and nobody's but its worker's."""

from __future__ import annotations

import pytest

from sandbox.webcrypto import cache
from sandbox.webcrypto.cache import CacheStore
from sandbox.webcrypto.failures import CryptoFailed

URL = "https://example.com/"


def put(store: CacheStore, url: str, body: bytes = b"x", *, tenant: str = "acme", worker: str = "shop", seconds: float = 60) -> None:
    parameters = {"cache": "default", "url": url, "head": "[]", "seconds": seconds}
    store.operation("cache.put", tenant, worker)(parameters, [body])


def match(store: CacheStore, url: str, *, tenant: str = "acme", worker: str = "shop") -> bytes | None:
    head, body = store.operation("cache.match", tenant, worker)({"cache": "default", "url": url}, [])
    return body if head else None


def test_a_worker_sees_its_own_entries_alone() -> None:
    store = CacheStore()
    put(store, URL, b"mine")
    assert match(store, URL) == b"mine"
    assert match(store, URL, worker="other") is None


def test_entries_have_an_end() -> None:
    store = CacheStore()
    put(store, URL, seconds=0)
    assert match(store, URL) is None
    assert store._total == 0
    assert store._sizes == {}


def test_an_entry_that_is_too_large_is_refused_and_one_below_is_not() -> None:
    store = CacheStore()
    put(store, URL, bytes(cache.ENTRY_BYTES - 1000))
    with pytest.raises(CryptoFailed, match="too large"):
        put(store, URL, bytes(cache.ENTRY_BYTES))


def test_a_tenant_over_its_share_loses_its_oldest_and_nobody_else_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "TENANT_BYTES", 3_000)
    store = CacheStore()
    put(store, "https://other/", tenant="globex", worker="else")
    for number in range(5):
        put(store, f"{URL}{number}", bytes(800))
        match(store, f"{URL}0")
    assert [number for number in range(5) if match(store, f"{URL}{number}")] == [0, 3, 4]
    assert match(store, "https://other/", tenant="globex", worker="else") == b"x"


def test_a_process_over_its_share_loses_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "PROCESS_BYTES", 2_000)
    store = CacheStore()
    for tenant in ("a", "b", "c"):
        put(store, URL, bytes(700), tenant=tenant, worker=tenant)
    assert [tenant for tenant in ("a", "b", "c") if match(store, URL, tenant=tenant, worker=tenant)] == ["b", "c"]
    assert store._total == sum(store._sizes.values())
