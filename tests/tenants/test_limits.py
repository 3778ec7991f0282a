"""Limits through the levels: who may lower, who may raise, when it ends, and that each says where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import BundleInvalid
from sandbox.limits import MOST, Limits
from tenants.definitions import DEFINITIONS, LEVELS, LIMIT_NAMES, checked, window_ends
from tenants.errors import LimitInvalid
from tenants.limits import effective, lower

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
names = st.sampled_from(sorted(DEFINITIONS))
said = st.dictionaries(names, st.integers(1, 2**40), max_size=6)
said_of_requests = st.dictionaries(st.sampled_from(LIMIT_NAMES), st.integers(1, 2**40), max_size=6)


@dataclass
class Override:
    name: str
    value: int
    worker_id: int | None = None
    expires_at: datetime | None = None

    def active(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


@given(said, said, said_of_requests, said_of_requests)
def test_each_level_only_lowers(plan, tenant, worker, version):
    found = effective(plan=plan, tenant=tenant, worker=worker, version=version)
    platform = effective().values
    for name, value in found.values.items():
        levels = {"platform": platform, "plan": plan, "tenant": tenant, "worker": worker, "version": version}
        asked = [level[name] for level in levels.values() if level.get(name) is not None]
        assert value == (min(asked) if asked else None)
        # The first level that has the value is the one that set it.
        assert found.sources[name] == next(source for source, level in levels.items() if level.get(name) == value)
    assert found.limits == Limits(**{name: found.values[name] for name in LIMIT_NAMES})


@given(st.tuples(said, said, said_of_requests, said_of_requests), names, st.integers(1, 2**40), st.booleans())
def test_an_override_stands_in_the_plans_place_and_stays_under_the_platform(levels, name, value, of_worker):
    plan, tenant, worker, version = levels
    of_worker = of_worker and DEFINITIONS[name].per_worker
    override = Override(name, value, worker_id=1 if of_worker else None)
    found = effective(plan=plan, tenant=tenant, worker=worker, version=version, overrides=[override])
    ceiling = effective().values[name]
    granted = value if ceiling is None else min(value, ceiling)
    own = [level[name] for level in ([] if of_worker else [tenant]) + [worker, version] if name in level]
    assert found.values[name] == min([granted, *own])
    others = effective(plan=plan, tenant=tenant, worker=worker, version=version)
    assert {key: found.values[key] for key in found.values if key != name} == {
        key: others.values[key] for key in others.values if key != name
    }


def test_an_override_ends_at_its_moment():
    soon, late = NOW + timedelta(seconds=30), NOW + timedelta(days=1)
    overrides = [Override("cpu_ms", 900, expires_at=soon), Override("subrequests", 10, expires_at=late), Override("concurrency", 5)]
    before = effective(plan={"cpu_ms": 50}, overrides=overrides, now=NOW)
    assert (before.values["cpu_ms"], before.sources["cpu_ms"], before.expires) == (900, "override", soon)
    assert effective(plan={"cpu_ms": 50}, overrides=overrides, now=soon - timedelta(microseconds=1)).values["cpu_ms"] == 900
    after = effective(plan={"cpu_ms": 50}, overrides=overrides, now=soon)
    assert (after.values["cpu_ms"], after.sources["cpu_ms"], after.expires) == (50, "plan", late)
    assert effective(overrides=overrides, now=late).expires is None


def test_an_override_of_the_worker_is_heard_after_that_of_the_tenant():
    both = [Override("cpu_ms", 100), Override("cpu_ms", 700, worker_id=1)]
    found = effective(plan={"cpu_ms": 50}, tenant={"cpu_ms": 80}, overrides=both)
    assert [(one.level, one.value) for one in found.said["cpu_ms"]] == [
        ("platform", 1_000), ("plan", 50), ("override", 100), ("tenant", 80), ("override", 700),
    ]  # fmt: skip
    assert found.values["cpu_ms"] == 700
    assert found.decided["cpu_ms"].override is both[1]


def test_the_platforms_own_may_differ_from_the_built_in_ones(settings):
    settings.HOSTEL = replace(settings.HOSTEL, limits={"cpu_ms": 5_000, "requests_per_day": 7}, max_workers_per_tenant=3)
    found = effective(plan={"cpu_ms": 9_000}, overrides=[Override("requests_per_day", 100)])
    assert (found.limits.cpu_ms, found.sources["cpu_ms"]) == (5_000, "platform")
    assert (found.values["requests_per_day"], found.sources["requests_per_day"]) == (7, "platform")
    assert (found.values["workers"], found.values["requests_per_minute"]) == (3, None)
    assert found.request_quotas() == (("requests_per_day", 7),)


BAD = [0, -1, "1", True, 1.5, 1.0, None, [1], MOST + 1, 10**400]


@pytest.mark.parametrize("bad", [{"cpu": 1}, {"x" * 5_000: 1}, *({"cpu_ms": value} for value in BAD if value is not None)])
def test_bad_ones_of_a_version_are_named(bad):
    with pytest.raises(BundleInvalid) as refused:
        effective(version=bad)
    assert refused.value.detail["field"] == f"limits.{next(iter(bad))[:80]}"


@pytest.mark.parametrize("level", LEVELS[1:5])
@pytest.mark.parametrize("value", BAD)
def test_bad_ones_of_other_levels_are_named(level, value):
    with pytest.raises(LimitInvalid) as refused:
        checked({"subrequests": 3, "cpu_ms": value}, level=level)
    assert (refused.value.detail["field"], refused.value.detail["limit"]) == ("limits.cpu_ms", MOST)


def test_quotas_belong_to_tenants():
    assert checked({"workers": 3, "domains": 0, "requests_per_day": MOST}, level="tenant")
    for level in ("worker", "version"):
        with pytest.raises(LimitInvalid, match=f"workers cannot be set for a {level}"):
            checked({"workers": 3}, level=level)
    with pytest.raises(LimitInvalid, match="There is no limit called 'cpu'"):
        checked({"cpu": 3}, level="plan")


def test_no_limit_is_the_highest_of_all():
    assert [lower(1, 2), lower(2, 1), lower(1, None), lower(None, 1), lower(None, None), lower(1, 1)] == [
        True, False, True, False, False, False,
    ]  # fmt: skip


@given(st.sampled_from(["minute", "hour", "day", "month"]), st.floats(0, 4e9))
def test_windows_follow_each_other(period, now):
    ends = window_ends(period, now)
    assert 0 < ends - now <= 31 * 86_400
    assert window_ends(period, ends - 0.001) == ends
    assert window_ends(period, ends) > ends


def test_months_are_the_calendars():
    at = datetime(2027, 12, 31, 23, 59, tzinfo=UTC).timestamp()
    assert window_ends("month", at) == datetime(2028, 1, 1, tzinfo=UTC).timestamp()
