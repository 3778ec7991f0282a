"""A follower misses nothing, says what it left out, and comes back where it was."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from telemetry import chunks, tails
from telemetry.models import Chunk, Tail
from telemetry.search import Wanted
from tenants.errors import FieldInvalid
from tenants.models import Plan, Tenant

from .making import record

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(tenant: Tenant) -> Callable[..., None]:
    def stored(*numbers: int, ago: float = 0, worker_id: int = 1, **values: object) -> None:
        kept = [("v", record(request_id=f"aaaaaaaaaaaa{number:08x}", **values)) for number in numbers]
        now = int(time.time() - ago)
        chunks.made(kept, tenant_id=tenant.pk, worker_id=worker_id, process="aaaaaaaaaaaa", kept=False, now=now).save()

    return stored


def numbers(heard: tails.Heard) -> list[int]:
    return [int(event.record["request_id"][12:], 16) for event in heard.events]


def follower(tenant: Tenant, cursor: str | None = None, *, wanted: Wanted | None = None, sample: float = 1.0) -> tails.Follower:
    made = tails.Follower(tenant=tenant, worker_id=1, wanted=wanted or Wanted(), sample=sample)
    assert made.begin(cursor)
    return made


def test_it_hears_what_comes_after_it(tenant: Tenant, store: Callable[..., None]) -> None:
    store(1)
    mine = follower(tenant)
    assert numbers(mine.look()) == []
    store(2, 3)
    store(9, worker_id=2)
    store(4)
    assert numbers(mine.look()) == [2, 3, 4]
    assert numbers(mine.look()) == []


def test_it_may_begin_before_anything_is_there(tenant: Tenant, store: Callable[..., None]) -> None:
    mine = follower(tenant)
    assert numbers(mine.look()) == []
    store(1)
    assert numbers(mine.look()) == [1]


def test_every_position_can_be_come_back_to(tenant: Tenant, store: Callable[..., None]) -> None:
    first = follower(tenant)
    store(1, 2, 3)
    store(4, 5)
    heard = first.look()
    for place, event in enumerate(heard.events):
        assert numbers(follower(tenant, event.cursor).look()) == list(range(place + 2, 6))


def test_filters_and_samples(tenant: Tenant, store: Callable[..., None]) -> None:
    mine = follower(tenant, wanted=Wanted(status="5xx"))
    some, others = follower(tenant, sample=0.5), follower(tenant, sample=0.5)
    store(*range(100))
    store(500, status=503)
    assert numbers(mine.look()) == [500]
    picked = numbers(some.look())
    assert 20 < len(picked) < 80
    assert picked == numbers(others.look())


def test_a_crowd_comes_in_portions(tenant: Tenant, store: Callable[..., None]) -> None:
    mine = follower(tenant)
    store(*range(tails.PORTION + 30))
    for _ in range(15):
        store(7)
    heard = mine.look()
    assert (len(heard.events), heard.more) == (tails.PORTION, True)
    got = numbers(heard)
    while heard.more:
        heard = mine.look()
        got += numbers(heard)
    assert got == [*range(tails.PORTION + 30), *[7] * 15]


def test_who_falls_behind_is_told_and_moved_on(tenant: Tenant, store: Callable[..., None]) -> None:
    mine = follower(tenant)
    mine.look()
    store(1, 2, 3, ago=tails.LAG_SECONDS + 5)
    store(4)
    heard = mine.look()
    assert (heard.dropped, numbers(heard)) == (3, [4])
    # In the middle of a chunk, too.
    store(*range(tails.PORTION + 1), ago=tails.LAG_SECONDS - 20)
    assert mine.look().more
    Chunk.objects.filter(count=tails.PORTION + 1).update(stored=0)
    store(5, ago=tails.LAG_SECONDS + 5)
    heard = mine.look()
    assert (heard.dropped, numbers(heard)) == (2, [])


def test_who_comes_back_hears_the_whole_window(tenant: Tenant, store: Callable[..., None]) -> None:
    first = follower(tenant)
    store(0)
    cursor = first.look().events[0].cursor
    for number in range(1, 15):
        store(number, ago=300)
    back = follower(tenant, cursor)
    got = numbers(back.look()) + numbers(back.look())
    assert got == list(range(1, 15))


def test_what_the_window_no_longer_holds_is_owned_up_to(tenant: Tenant, store: Callable[..., None]) -> None:
    first = follower(tenant)
    store(0)
    cursor = first.look().events[0].cursor
    Chunk.objects.all().delete()
    store(1)
    back = tails.Follower(tenant=tenant, worker_id=1, wanted=Wanted())
    assert not back.begin(cursor)
    assert numbers(back.look()) == [1]
    with pytest.raises(FieldInvalid):
        back.begin("nonsense")


def test_a_plan_may_have_no_tails(tenant: Tenant) -> None:
    tenant.plan = Plan.objects.create(name="small", tail_allowed=False)
    tenant.save()
    with pytest.raises(tails.TailRefused):
        tails.tail_open(tenant=tenant, worker_id=1)


def test_a_tenant_follows_no_more_than_it_may(tenant: Tenant, other_tenant: Tenant, settings) -> None:
    from dataclasses import replace

    settings.HOSTEL = replace(settings.HOSTEL, tails_per_tenant=2)
    names = [tails.tail_open(tenant=tenant, worker_id=1) for _ in range(2)]
    with pytest.raises(tails.TailsExceeded):
        tails.tail_open(tenant=tenant, worker_id=2)
    tails.tail_open(tenant=other_tenant, worker_id=1)
    tails.tail_close(name=names[0])
    tails.tail_close(name=names[0])
    tails.tail_open(tenant=tenant, worker_id=1)
    # A control plane that died renews nothing.
    Tail.objects.filter(name=names[1]).update(until=0)
    tails.tail_open(tenant=tenant, worker_id=1)
    tails.tail_renew(name=names[1])
    assert Tail.objects.filter(tenant=tenant).count() == 2
