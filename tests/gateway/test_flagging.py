"""Flags in a gateway process: the rulesets it keeps, the versions flags choose, and the answers of bindings."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.naming import subject_of
from flags.evaluation.ruleset import Ruleset
from gateway.errors import RoutesUnavailable
from gateway.flagging import Flagging
from gateway.hosts import Host
from gateway.routes import Entry
from gateway.rulesets import Rulesets
from gateway.targets import Targets
from sandbox import Request
from sandbox.errors import HostelError
from sandbox.limits import Limits
from sandbox.worker.capabilities import Question
from sandbox.worker.record import Mark
from tenants.rollout import RouteFlag, RouteVersion, WorkerRoute

ACCOUNT = "0" * 32
OLD, NEW, GONE = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))


def flag(kind: str, variants: dict[str, Any], serve: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": kind, "salt": "s", "variants": variants, "off": next(iter(variants)), "serve": serve, "enabled": True, **more}


def version(identity: str, worker: str = "shop") -> dict[str, str]:
    return {"worker": worker, "version": identity}


def split(**shares: float) -> dict[str, Any]:
    return {"split": [{"variant": name, "percentage": share} for name, share in shares.items()]}


FLAGS = {
    "which": flag("version", {"old": version(OLD), "new": version(NEW)}, split(old=50, new=50)),
    "gone": flag("version", {"gone": version(GONE)}, {"variant": "gone"}),
    "foreign": flag("version", {"theirs": version(NEW, "other")}, {"variant": "theirs"}),
    "on": flag("boolean", {"off": False, "on": True}, {"variant": "on"}),
    "colour": flag("string", {"red": "red", "blue": "blue"}, split(red=50, blue=50)),
    "by-plan": flag("string", {"a": "a", "b": "b"}, {**split(a=50, b=50), "by": "plan"}),
    "broken": {"type": "string"},
}


def document(flags: dict[str, Any] = FLAGS) -> Ruleset:
    return Ruleset.of({"format": 1, "environment": "production", "revision": 1, "flags": flags, "segments": {}, "layers": {}})


class World:
    """A database, an epoch and a clock that tests move."""

    def __init__(self) -> None:
        self.epoch, self.now = (1, 0), 1000.0
        self.ruleset: Ruleset | None = document()
        self.down = False
        self.asked: Counter[str] = Counter()
        self.known: list[Ruleset | None] = []
        self.versions = {NEW: self.version(NEW, 2)}
        self.rulesets = Rulesets(self.load, lambda: self.epoch, clock=lambda: self.now)
        self.flagging = Flagging(self.rulesets, self.find_version)
        self.marks: list[Mark] = []

    @staticmethod
    def version(identity: str, number: int) -> RouteVersion:
        return RouteVersion(identity, number, "", "2026-11-22T00:00:00+00:00", 10_000 if number == 1 else 0, Limits())

    async def load(self, tenant_id: int, environment: str, known: Ruleset | None) -> Ruleset | None:
        self.asked[environment] += 1
        self.known.append(known)
        if self.down:
            raise RoutesUnavailable
        return self.ruleset if environment == "production" else None

    async def find_version(self, worker_id: int, version_id: str) -> RouteVersion | None:
        self.asked[version_id] += 1
        if self.down:
            raise RoutesUnavailable
        return self.versions.get(version_id)

    def entry(self, key: str = "which", *targeting: str) -> Entry:
        route = WorkerRoute(
            1, "acme", ACCOUNT, False, 1, "shop", "t" * 32, "reuse", "d", (self.version(OLD, 1),),
            flag=RouteFlag("production", key, targeting or ("cookie:uid", "ip")),
        )  # fmt: skip
        return Entry(Host("shop.acme.localhost", "shop.acme.localhost"), route, self.epoch)

    async def chosen(self, entry: Entry, uid: str = "ann") -> str | None:
        found = await self.flagging.choose(entry, "GET", "http://shop.acme.localhost/", [(b"cookie", f"uid={uid}".encode())], "203.0.113.7")
        return None if found is None else found.variant

    async def ask(self, method: str, environment: str = "production", **asked: Any) -> dict[str, Any]:
        request = Request("GET", "http://shop.acme.localhost/cart?q=1", [(b"x-plan", b"pro"), (b"cloudflare-workers-version-key", b"key")])
        text = json.dumps({"type": "any", "context": {}, **asked})
        answer = self.flagging.binding(1, ACCOUNT, environment)(Question(method, text, request, self.marks.append))
        found: dict[str, Any] = json.loads(answer if isinstance(answer, str) else await answer)
        return found


@pytest.fixture
def world() -> World:
    return World()


async def test_a_flag_chooses_the_version_and_the_pool_s_key_says_so(world: World) -> None:
    entry = world.entry()
    seen = {uid: await world.chosen(entry, uid) for uid in map(str, range(200))}
    assert set(seen.values()) == {"which:old", "which:new"}
    assert 60 < Counter(seen.values())["which:new"] < 140
    assert all([await world.chosen(entry, uid) == variant for uid, variant in seen.items()])
    # The ruleset and the version from outside of the deployment were each looked up once.
    assert world.asked == {"production": 1, NEW: 1}
    uid = next(uid for uid, variant in seen.items() if variant == "which:new")
    found = await world.flagging.choose(entry, "GET", "http://x/", [(b"cookie", f"uid={uid}".encode())], "")
    assert found is not None
    assert found.mark == Mark("flag", "which", "production", "new", subject_of(ACCOUNT, uid), "SPLIT")
    targets = Targets(None, None, None, flags=world.flagging)  # type: ignore[arg-type]
    prepared = targets.choose(entry, None, None, flagged=found)
    assert prepared.key == f"acme-shop-{NEW}-which:new"
    assert prepared.target.key.variant == "which:new"
    # An override is stronger than a flag; one that names nothing of the deployment is none.
    assert targets.choose(entry, f'shop="{OLD}"', None, flagged=found).key == f"acme-shop-{OLD}"
    assert targets.choose(entry, 'shop="nonsense"', None, flagged=found).key == f"acme-shop-{NEW}-which:new"
    assert targets.choose(entry, None, None).key == f"acme-shop-{OLD}"


async def test_a_version_outside_of_the_deployment_follows_its_limits(world: World) -> None:
    entry = world.entry("only")
    world.ruleset = document({"only": flag("version", {"new": version(NEW)}, {"variant": "new"})})
    targets = Targets(None, None, None, flags=world.flagging)  # type: ignore[arg-type]

    async def cpu() -> int:
        flagged = await world.flagging.choose(entry, "GET", "http://x/", [], "")
        return targets.choose(entry, None, None, flagged=flagged).target.limits.cpu_ms

    assert await cpu() == Limits().cpu_ms
    world.versions[NEW] = replace(world.versions[NEW], limits=Limits(cpu_ms=7))
    assert await cpu() == Limits().cpu_ms
    world.epoch = entry.token = (2, 0)
    assert await cpu() == 7


@pytest.mark.parametrize("key", ["gone", "foreign", "on", "broken", "nowhere"])
async def test_a_flag_that_names_no_version_leaves_it_to_the_deployment(world: World, key: str) -> None:
    for _ in range(3):
        assert await world.chosen(world.entry(key)) is None
    assert world.flagging.fell_back == 3


async def test_without_a_ruleset_the_deployment_decides(world: World) -> None:
    world.ruleset = None
    assert await world.chosen(world.entry()) is None
    world.epoch, world.down = (2, 0), True
    fresh = World()
    fresh.down = True
    assert await fresh.chosen(fresh.entry()) is None
    assert (await fresh.ask("evaluate", flag="on"))["errorCode"] == "PROVIDER_NOT_READY"


async def test_a_kill_switch_counts_from_the_next_evaluation_on(world: World) -> None:
    assert (await world.ask("evaluate", flag="on"))["value"] is True
    world.ruleset = document({"on": {**FLAGS["on"], "enabled": False}})
    assert (await world.ask("evaluate", flag="on"))["value"] is True
    world.epoch = (2, 0)
    found = await world.ask("evaluate", flag="on")
    assert (found["value"], found["variant"], found["reason"]) == (False, "off", "DISABLED")
    assert world.asked["production"] == 2
    assert world.known[0] is None
    assert world.known[1] is not None, "what is known is handed over, so that what has not changed is not read again"


async def test_while_the_database_is_down_what_is_known_is_used(world: World) -> None:
    entry = world.entry()
    before = [await world.chosen(entry, str(uid)) for uid in range(20)]
    world.down, world.epoch = True, (2, 0)
    assert [await world.chosen(entry, str(uid)) for uid in range(20)] == before
    assert (await world.ask("evaluate", flag="on"))["value"] is True
    assert world.rulesets.served_stale > 0
    asked = world.asked["production"]
    for _ in range(100):
        await world.ask("evaluate", flag="on")
    await asyncio.sleep(0)
    assert world.asked["production"] <= asked + 1, "the database is left alone for a while"
    # It comes back: asked again behind the caller's back, and then known.
    world.down, world.now = False, world.now + 2
    world.ruleset = document({"on": {**FLAGS["on"], "enabled": False}})
    for _ in range(5):
        await world.ask("evaluate", flag="on")
        await asyncio.sleep(0)
    assert (await world.ask("evaluate", flag="on"))["value"] is False


async def test_many_ask_and_one_looks(world: World) -> None:
    await asyncio.gather(*(world.ask("evaluate", flag="on") for _ in range(50)))
    assert world.asked["production"] == 1


async def test_ten_thousand_flags_are_compiled_when_they_are_asked_for(world: World) -> None:
    world.ruleset = document({**{f"flag-{number}": FLAGS["colour"] for number in range(10_000)}, **FLAGS})
    assert (await world.ask("evaluate", flag="on"))["value"] is True
    assert len(world.ruleset._flags) == 1
    assert await world.chosen(world.entry()) is not None
    assert len(world.ruleset._flags) == 2


async def test_bindings_say_what_is_wrong_and_never_throw(world: World) -> None:
    for flag_key, kind, code in (
        ("nowhere", "boolean", "FLAG_NOT_FOUND"),
        ("on", "string", "TYPE_MISMATCH"),
        ("broken", "any", "PARSE_ERROR"),
        ("by-plan", "any", "TARGETING_KEY_MISSING"),
    ):
        found = await world.ask("evaluate", flag=flag_key, type=kind)
        assert (found["errorCode"], "value" in found) == (code, False)
    assert (await world.ask("evaluate", "nowhere", flag="on"))["errorCode"] == "FLAG_NOT_FOUND"
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    for context in ({"targetingKey": 7}, {"a": deep}, {"a": list(range(5_000))}, [1], "text", {"headers": "text"}):
        assert (await world.ask("evaluate", flag="on", context=context))["errorCode"] == "INVALID_CONTEXT", str(context)[:40]
    text = '{"flag":"on","type":"any","context":' + '{"a":' * 30_000 + "1" + "}" * 30_000 + "}"
    question = Question("evaluate", text, Request("GET", "http://x/"), world.marks.append)
    assert json.loads(world.flagging.binding(1, ACCOUNT, "production")(question))["errorCode"] == "INVALID_CONTEXT"  # type: ignore[arg-type]
    assert world.marks == [], "what gave no value is no evaluation"


async def test_the_request_is_in_the_context_and_the_worker_s_own_word_wins(world: World) -> None:
    when = {"attribute": "header:x-plan", "operator": "in", "value": ["pro"]}
    world.ruleset = document(
        {"pro": flag("boolean", {"no": False, "yes": True}, {"variant": "no"}, rules=[{"when": when, "serve": {"variant": "yes"}}])}
    )
    assert (await world.ask("evaluate", flag="pro"))["value"] is True
    assert (await world.ask("evaluate", flag="pro", context={"headers": {"X-Plan": "free"}}))["value"] is False


async def test_only_what_chance_decided_by_the_targeting_key_has_a_subject(world: World) -> None:
    await world.ask("evaluate", flag="on", context={"targetingKey": "ann"})
    await world.ask("evaluate", flag="by-plan", context={"targetingKey": "ann", "plan": "pro"})
    assert [mark.subject for mark in world.marks] == ["", ""]
    await world.ask("evaluate", flag="colour", context={"targetingKey": "ann"})
    # The visitor's version key stands in where the worker names none.
    await world.ask("evaluate", flag="colour")
    assert [mark.subject for mark in world.marks[2:]] == [subject_of(ACCOUNT, "ann"), subject_of(ACCOUNT, "key")]


async def test_events_are_taken_within_bounds(world: World) -> None:
    assert await world.ask("track", event="bought", value=9.5, context={"targetingKey": "ann"}) == {}
    assert world.marks == [Mark("event", "bought", "production", subject=subject_of(ACCOUNT, "ann"), number=9.5)]
    for asked in (
        {"event": "", "value": None},
        {"event": "x" * 101, "value": None},
        {"event": "a", "value": 1e300},
        {"event": "a", "value": "7"},
        {"event": "a", "value": None, "context": {"targetingKey": ""}},
        {"event": "a", "value": None, "context": {"targetingKey": "x" * 1_025}},
    ):
        with pytest.raises(HostelError):
            await world.ask("track", **asked)
    assert len(world.marks) == 1


@settings(max_examples=50)
@given(share=st.integers(1, 49_000), more=st.integers(0, 50_000), keys=st.lists(st.uuids(), min_size=1, max_size=20))
def test_who_was_given_the_new_version_keeps_it_while_its_share_grows(share: int, more: int, keys: list[Any]) -> None:
    async def given_new(percent: float) -> set[str]:
        world = World()
        world.ruleset = document(
            {"which": flag("version", {"new": version(NEW), "old": version(OLD)}, split(new=percent, old=100 - percent))}
        )
        entry = world.entry()
        return {str(key) for key in keys if await world.chosen(entry, str(key)) == "which:new"}

    before, after = (asyncio.run(given_new(round(count / 1000, 3))) for count in (share, share + more))
    assert before <= after
