"""Counting in periods: every store alike, exact over processes, and what happens at the edges."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from tenants import quotas
from tenants.models import QuotaCount
from tenants.quotas import Counter, DatabaseCounts, MappedCounts, RedisCounts, Store, StoreFailed
from tests.conftest import ROOT, database_url

NOW = 1_800_000_000.0
REDIS = django_settings.HOSTEL.redis_url
KINDS = ["mapped", "database", pytest.param("redis", marks=pytest.mark.skipif(not REDIS, reason="REDIS_URL names no server"))]


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the store of one kind, as each process would."""
    kind = request.param
    if kind == "database":
        request.getfixturevalue("transactional_db")
    return {"mapped": lambda: MappedCounts(tmp_path / "quotas"), "database": DatabaseCounts, "redis": lambda: RedisCounts(REDIS)}[kind]


@pytest.fixture
def tenant_id() -> Iterator[int]:
    """Nobody else's, in a Redis that others use too."""
    tenant = uuid.uuid4().int >> 90
    yield tenant
    if REDIS:
        with redis.Redis.from_url(REDIS) as client:
            for key in client.scan_iter(f"hostel:quota:{{{tenant}}}*"):
                client.delete(key)


every = pytest.mark.parametrize("make", KINDS, indirect=True)


def counters(tenant_id: int, *limits: int, ends: int = int(NOW) + 50) -> list[Counter]:
    names = ("requests_per_minute", "requests_per_day", "requests_per_month")
    return [Counter(tenant_id, name, ends + 1_000 * at, limit) for at, (name, limit) in enumerate(zip(names, limits, strict=False))]


@every
def test_units_are_taken_until_there_are_none(make: Callable[[], Store], tenant_id: int) -> None:
    one, other = make(), make()
    both = counters(tenant_id, 10, 25)
    assert one.used(both, now=NOW) == (0, 0)
    assert (one.take(both, 4, now=NOW).granted, other.take(both, 4, now=NOW).used) == (4, (8, 8))
    last = one.take(both, 4, now=NOW)
    assert (last.granted, last.used) == (2, (10, 10))
    assert other.take(both, 1, now=NOW).granted == 0
    # What one counter has left is not used up by what another refuses.
    assert other.used(both, now=NOW) == (10, 10)
    # Another period, another tenant, a higher limit: each has its own.
    later = [Counter(tenant_id, "requests_per_minute", both[0].ends + 60, 10), both[1]]
    assert one.take(later, 100, now=NOW + 60).used == (10, 20)
    assert one.take(counters(tenant_id + 1, 3), 9, now=NOW).granted == 3
    assert one.take([Counter(tenant_id, "requests_per_day", both[1].ends, 30)], 100, now=NOW + 60).granted == 10


@every
def test_units_are_given_back(make: Callable[[], Store], tenant_id: int) -> None:
    store, both = make(), counters(tenant_id, 10, 20)
    store.take(both, 10, now=NOW)
    store.give(both, 3, now=NOW)
    assert store.used(both, now=NOW) == (7, 7)
    assert store.take(both, 9, now=NOW).granted == 3
    # Of a period that nobody has counted in: nothing happens.
    store.give(counters(tenant_id, 10, ends=int(NOW) + 9_999), 3, now=NOW)
    assert store.used(both, now=NOW) == (10, 10)


@every
def test_what_was_spent_unasked_is_counted_whatever_the_limit(make: Callable[[], Store], tenant_id: int) -> None:
    store, both = make(), counters(tenant_id, 10, 20)
    taken = store.take(both, 5, spent=7, now=NOW)
    assert (taken.granted, taken.used) == (3, (10, 10))
    taken = store.take(both, 5, spent=30, now=NOW)
    assert (taken.granted, taken.used) == (0, (40, 40))


PROCESS = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "controlplane.settings"
import django
django.setup()
from pathlib import Path
from tenants.quotas import Counter, DatabaseCounts, MappedCounts, RedisCounts
kind, place, tenant = sys.argv[1:4]
store = {"mapped": lambda: MappedCounts(Path(place)), "database": DatabaseCounts, "redis": lambda: RedisCounts(place)}[kind]()
both = [Counter(int(tenant), "requests_per_minute", 1_800_000_050, 100), Counter(int(tenant), "requests_per_day", 1_800_001_050, 1_000)]
print("ready", flush=True)
sys.stdin.readline()
print(sum(store.take(both, 1, now=1_800_000_000.0).granted for _ in range(250)), flush=True)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_four_processes_take_no_more_than_there_is(request: pytest.FixtureRequest, kind: str, tenant_id: int, tmp_path: Path) -> None:
    if kind == "database":
        if connection.vendor == "sqlite":
            pytest.skip("where the database is SQLite, a file counts: its writers starve each other")
        request.getfixturevalue("transactional_db")
    place = {"mapped": str(tmp_path / "quotas"), "database": "-", "redis": REDIS}[kind]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "platform"))), "DATABASE_URL": database_url()}
    command = [sys.executable, "-c", PROCESS, kind, place, str(tenant_id)]
    with ExitStack() as running:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environ, "cwd": ROOT}
        processes = [running.enter_context(subprocess.Popen(command, **pipes)) for _ in range(4)]  # type: ignore[call-overload]
        for process in processes:
            running.callback(process.kill)
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        granted = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert sum(granted) == 100
    store = {"mapped": lambda: MappedCounts(tmp_path / "quotas"), "database": DatabaseCounts, "redis": lambda: RedisCounts(REDIS)}[kind]()
    assert store.used(counters(tenant_id, 100, 1_000), now=NOW) == (100, 100)


class TestMapped:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "quotas"

    def test_counts_survive_their_processes(self, path: Path) -> None:
        MappedCounts(path).take(counters(1, 10), 4, now=NOW)
        assert MappedCounts(path).used(counters(1, 10), now=NOW) == (4,)
        assert path.stat().st_mode & 0o777 == 0o600

    def test_a_clock_read_just_before_the_end_counts_in_the_next_period(self, path: Path) -> None:
        store = MappedCounts(path)
        old, new = counters(1, 10, ends=int(NOW)), counters(1, 10, ends=int(NOW) + 60)
        store.take(new, 6, now=NOW + 0.001)
        assert store.take(old, 6, now=NOW - 0.001).granted == 4
        store.give(old, 5, now=NOW)
        assert store.used(new, now=NOW) == (10,)

    @given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5), st.integers(0, 90)), max_size=200))
    def test_a_small_table_counts_as_a_dictionary_does(
        self, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]]
    ) -> None:
        """Slots of past periods are taken over, present ones never."""
        store, model = MappedCounts(tmp_path_factory.mktemp("q") / "quotas", slots=64), dict[tuple[int, int], int]()
        now = NOW
        for tenant, want, seconds in steps:
            now += seconds
            ends = (int(now) // 60 + 1) * 60
            [counter] = counters(tenant, 7, ends=ends)
            expected = min(want, 7 - model.get((tenant, ends), 0))
            assert store.take([counter], want, now=now).granted == expected
            model[tenant, ends] = model.get((tenant, ends), 0) + expected

    def test_a_full_table_is_said_so(self, path: Path) -> None:
        store = MappedCounts(path, slots=8)
        for tenant in range(8):
            store.take(counters(tenant, 5), 1, now=NOW)
        with pytest.raises(StoreFailed, match="room"):
            store.take(counters(9, 5), 1, now=NOW)
        # Later there is room again.
        assert store.take(counters(9, 5, ends=int(NOW) + 200), 1, now=NOW + 100).granted == 1

    def test_who_holds_the_lock_for_long_is_not_waited_for(self, path: Path) -> None:
        store = MappedCounts(path)
        other = os.open(path, os.O_RDWR)
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StoreFailed, match="let go"):
            store.take(counters(1, 5), 1, now=NOW)
        os.close(other)
        assert store.take(counters(1, 5), 1, now=NOW).granted == 1


class TestChoice:
    def test_redis_then_a_file_then_the_database(self, settings: object) -> None:
        if REDIS:
            assert isinstance(quotas.store(), RedisCounts)
        elif connection.vendor == "sqlite":
            assert isinstance(quotas.store(), MappedCounts)
        else:
            assert isinstance(quotas.store(), DatabaseCounts)
        assert quotas.store() is quotas.store()

    def test_a_redis_that_is_not_there_is_said_so(self) -> None:
        with pytest.raises(StoreFailed):
            RedisCounts("redis://127.0.0.1:1/0").take(counters(1, 5), 1, now=NOW)


@pytest.mark.django_db
def test_counts_of_past_periods_are_pruned() -> None:
    store = DatabaseCounts()
    store.take(counters(1, 5, ends=1_000), 1, now=0)
    store.take(counters(1, 5, ends=4_000_000_000), 1, now=0)
    from tenants import services

    assert services.quotas_prune() == 1
    assert QuotaCount.objects.count() == 1
