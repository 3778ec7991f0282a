"""The slow lane by weight: who counts twice gets twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import Bundle, HostelError, Limits, Program, Request, Sandbox, Target, WorkerKey
from sandbox.scheduler.account import Account
from sandbox.scheduler.slowlane import QUANTUM_NS, SlowLane, Unfinished

SLICE_NS = 2_000_000


def turn(tenant: str, weight: int) -> Unfinished:
    nothing: Any = None
    return Unfinished(nothing, Account(tenant, 1 << 62, weight=weight), lambda _: None)


@given(
    st.lists(st.integers(1, 100), min_size=2, max_size=5),
    st.lists(st.integers(1, SLICE_NS), min_size=1, max_size=20),
    st.integers(1, 3),
)
def test_cpu_time_is_shared_by_weight(weights: list[int], slices: list[int], turns_each: int) -> None:
    nothing: Any = None
    lane = SlowLane(nothing, nothing)
    used = dict.fromkeys(map(str, range(len(weights))), 0)
    for tenant, weight in zip(used, weights, strict=True):
        for _ in range(turns_each):
            lane._enqueue(turn(tenant, weight))
    rounds = 0
    while min(used[tenant] / weight for tenant, weight in zip(used, weights, strict=True)) < 3 * QUANTUM_NS:
        picked = lane._pick()
        assert picked is not None
        spent = slices[rounds % len(slices)] if rounds % 7 else SLICE_NS
        used[picked.account.tenant] += spent
        lane._put_back(picked, spent, unfinished=True)
        rounds += 1
    # Nobody is ahead of or behind another by more than one round of its own and the slice that passed it.
    shares = [used[tenant] / weight for tenant, weight in zip(used, weights, strict=True)]
    assert max(shares) - min(shares) <= QUANTUM_NS + SLICE_NS


def test_a_tenant_without_turns_saves_nothing_up() -> None:
    nothing: Any = None
    lane = SlowLane(nothing, nothing)
    lane._enqueue(turn("a", 100))
    lane.waiting = 1
    picked = lane._pick()
    assert picked is not None
    lane._put_back(picked, 1, unfinished=False)
    assert (lane._queues, list(lane._ring), lane.waiting) == ({}, [], 0)


async def test_of_two_spinning_tenants_the_heavier_gets_twice(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts: dict[str, Account] = {}
    seen: dict[str, int] = {}
    tell = SlowLane._tell

    def noting(lane: SlowLane, ended: Unfinished, stopped: bool) -> None:
        # In the lane's own thread, at the moment the heavier one is stopped.
        if ended.account.tenant == "heavy" and not seen:
            seen.update({name: account.used_ns for name, account in accounts.items()})
        tell(lane, ended, stopped)

    submit = SlowLane.submit

    def submitted(lane: SlowLane, unfinished: Unfinished) -> None:
        accounts.setdefault(unfinished.account.tenant, unfinished.account)
        submit(lane, unfinished)

    monkeypatch.setattr(SlowLane, "_tell", noting)
    monkeypatch.setattr(SlowLane, "submit", submitted)

    async def program() -> Program:
        return Program(Bundle.js("export default { fetch(r) { while (r.url.endsWith('/spin')); return new Response('warm') } }"))

    def target(tenant: str, weight: int) -> Target:
        return Target(WorkerKey(tenant, "w", "1"), program, Limits(cpu_ms=500), weight=weight)

    async def spin(where: Target) -> str:
        with pytest.raises(HostelError) as stopped:
            await box.dispatch(where, Request("GET", "http://example.com/spin"))
        return stopped.value.code

    targets = [target("light", 1), target("heavy", 2)]
    for each in targets:
        assert (await box.dispatch(each, Request("GET", "http://example.com/"))).status == 200
    accounts.clear()
    assert await asyncio.gather(*map(spin, targets)) == ["worker_exceeded_cpu"] * 2
    assert seen["heavy"] > 500_000_000
    # CPU time, whatever else the machine does: half of it, give or take a round.
    assert 225_000_000 < seen["light"] < 275_000_000
