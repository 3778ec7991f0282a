"""A rollout's plan: stages, guards and how sure a guard must be.

Owns what a plan may say and its JSON. Pure: what comes in is a tenant's, what comes out is checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final, Literal, Self, TypeVar, cast

from rollouts.errors import RolloutInvalid
from rollouts.statistics import Bound

T = TypeVar("T", bound=str)
STAGES: Final = 20
GUARDS: Final = 10
# Seconds one stage may last.
STAGE_SECONDS: Final = 30 * 86_400
WHOLE: Final = 10_000
MINIMUM_MOST: Final = 1_000_000
NAME_CHARACTERS: Final = 60
MARKER_CHARACTERS: Final = 200

Gate = Literal["automatic", "approval", "tests"]
GATES: Final[tuple[Gate, ...]] = ("automatic", "approval", "tests")
Metric = Literal["errors", "exceptions", "wall_p95", "cpu_p95", "outcome"]
METRICS: Final[tuple[Metric, ...]] = ("errors", "exceptions", "wall_p95", "cpu_p95", "outcome")
TIMES: Final = frozenset({"wall_p95", "cpu_p95"})
Action = Literal["rollback", "pause"]
ACTIONS: Final[tuple[Action, ...]] = ("rollback", "pause")
_THREE_DIGITS: Final = re.compile(r"[1-5][0-9]{2}")
_STATUSES: Final = frozenset({"1xx", "2xx", "3xx", "4xx", "5xx"})
_TITLES: Final[Mapping[Metric, str]] = {
    "errors": "error rate",
    "exceptions": "exceptions",
    "wall_p95": "p95 wall time",
    "cpu_p95": "p95 CPU time",
    "outcome": "outcome",
}
# What is tolerated unless a plan says otherwise: (per cent of the old value, margin: points of a share, milliseconds of a time).
_TOLERANCE: Final[Mapping[Metric, tuple[float, float]]] = {
    "errors": (0, 0.1),
    "exceptions": (0, 0.1),
    "outcome": (0, 0.1),
    "wall_p95": (20, 5),
    "cpu_p95": (20, 1),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """`weight` (hundredths of a per cent) of the traffic for `seconds`, and what must happen before it starts."""

    weight: int
    seconds: int
    gate: Gate = "automatic"

    @property
    def percent(self) -> float:
        """The weight in per cent."""
        return self.weight / 100


@dataclass(frozen=True, slots=True)
class Guard:
    """What is watched, what is tolerated and what is done about the rest."""

    metric: Metric
    action: Action
    # Per cent of the old version's value by which the new one's may be larger, and what may come on top: points of a share, ms of a time.
    tolerance: float
    margin: float
    # Requests of each version in a stage, before which nothing is judged and no stage ends.
    minimum: int = 50
    # Of an outcome of one's own: its name, and what makes a request one: a status ("4xx", "418") or a text in its console output.
    name: str = ""
    status: str = ""
    marker: str = ""

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or _TITLES[self.metric]

    @property
    def bound(self) -> Bound:
        """What the statistics are asked: a time's tolerance is in the cut already, between shares of slow requests there is none."""
        return Bound() if self.metric in TIMES else Bound(1 + self.tolerance / 100, self.margin / 100)


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages in the order they come, guards, and the probability with which a version that is no worse may be accused at all."""

    stages: tuple[Stage, ...]
    guards: tuple[Guard, ...]
    false_alarm: float = 0.01

    @property
    def alpha(self) -> float:
        """Each guard's part of `false_alarm`."""
        return self.false_alarm / max(1, len(self.guards))

    def as_json(self) -> dict[str, Any]:
        """All of it, for a row."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        stages = tuple(Stage(**stage) for stage in stored["stages"])
        return cls(stages, tuple(Guard(**guard) for guard in stored["guards"]), stored["false_alarm"])


DEFAULT_STAGES: Final = (
    {"percent": 1, "seconds": 600},
    {"percent": 10, "seconds": 600},
    {"percent": 50, "seconds": 600},
    {"percent": 100, "seconds": 0},
)
DEFAULT_GUARDS: Final = (
    {"metric": "errors", "action": "rollback"},
    {"metric": "wall_p95", "action": "pause"},
    {"metric": "cpu_p95", "action": "pause"},
)


def plan_of(
    *, stages: Sequence[Mapping[str, Any]] | None = None, guards: Sequence[Mapping[str, Any]] | None = None, false_alarm: float = 0.01
) -> Plan:
    """The plan that was sent, checked; what is left out is the default. Raises `RolloutInvalid` naming the field."""
    found = _stages(DEFAULT_STAGES if stages is None else stages)
    watched = _guards(DEFAULT_GUARDS if guards is None else guards)
    alarm = _number(false_alarm, "false_alarm", 0.0001, 0.2)
    return Plan(found, watched, alarm)


def weight_of(percent: Any, field: str) -> int:
    """Hundredths of a per cent, through the number's shortest text; raises `RolloutInvalid`."""
    try:
        exact = Decimal(str(percent)) * 100
    except ArithmeticError:
        raise RolloutInvalid("A percentage must be a number.", field=field) from None
    if not exact.is_finite() or exact != exact.to_integral_value() or not 1 <= exact <= WHOLE or isinstance(percent, bool):
        raise RolloutInvalid("A percentage must be 0.01 to 100 with at most two decimals.", field=field)
    return int(exact)


def _stages(sent: Sequence[Mapping[str, Any]]) -> tuple[Stage, ...]:
    if not 1 <= len(sent) <= STAGES:
        raise RolloutInvalid(f"A rollout must have 1 to {STAGES} stages.", field="stages", limit=STAGES)
    found: list[Stage] = []
    for index, stage in enumerate(sent):
        field = f"stages[{index}]"
        weight = weight_of(stage.get("percent"), f"{field}.percent")
        if found and weight <= found[-1].weight:
            raise RolloutInvalid("Each stage must have more traffic than the one before.", field=f"{field}.percent")
        seconds = _whole(stage.get("seconds", 0), f"{field}.seconds", 0, STAGE_SECONDS)
        if weight == WHOLE and seconds:
            raise RolloutInvalid("With 100 % the rollout is over: there is nothing left to compare with.", field=f"{field}.seconds")
        if weight < WHOLE and not seconds:
            raise RolloutInvalid("A stage below 100 % must last at least a second.", field=f"{field}.seconds")
        found.append(Stage(weight, seconds, _one_of(stage.get("gate", "automatic"), GATES, f"{field}.gate")))
    if found[-1].weight != WHOLE:
        raise RolloutInvalid("The last stage must be 100 %.", field=f"stages[{len(found) - 1}].percent")
    return tuple(found)


def _guards(sent: Sequence[Mapping[str, Any]]) -> tuple[Guard, ...]:
    if len(sent) > GUARDS:
        raise RolloutInvalid(f"A rollout may have {GUARDS} guards.", field="guards", limit=GUARDS)
    found: list[Guard] = []
    for index, guard in enumerate(sent):
        made = _guard(guard, f"guards[{index}]")
        if any(made.title == other.title for other in found):
            raise RolloutInvalid(f"There are two guards called {made.title!r}.", field=f"guards[{index}].metric")
        found.append(made)
    return tuple(found)


def _guard(sent: Mapping[str, Any], field: str) -> Guard:
    metric = _one_of(sent.get("metric"), METRICS, f"{field}.metric")
    tolerance, margin = _TOLERANCE[metric]
    guard = Guard(
        metric=metric,
        action=_one_of(sent.get("action", "rollback"), ACTIONS, f"{field}.action"),
        tolerance=_number(sent.get("tolerance", tolerance), f"{field}.tolerance", 0, 1_000),
        margin=_number(sent.get("margin", margin), f"{field}.margin", 0, 60_000 if metric in TIMES else 50),
        minimum=_whole(sent.get("minimum", 50), f"{field}.minimum", 1, MINIMUM_MOST),
        name=_text(sent.get("name", ""), f"{field}.name", NAME_CHARACTERS),
        status=_text(sent.get("status", ""), f"{field}.status", 3),
        marker=_text(sent.get("marker", ""), f"{field}.marker", MARKER_CHARACTERS),
    )
    if metric != "outcome":
        if guard.status or guard.marker:
            raise RolloutInvalid("Only an outcome of one's own has a status or a marker.", field=f"{field}.metric")
        return guard
    if not guard.name:
        raise RolloutInvalid("An outcome of one's own must have a name.", field=f"{field}.name")
    if bool(guard.status) == bool(guard.marker):
        raise RolloutInvalid("An outcome of one's own has either a status or a marker.", field=f"{field}.status")
    if guard.status and guard.status not in _STATUSES and not _THREE_DIGITS.fullmatch(guard.status):
        raise RolloutInvalid("A status must be three digits, or a class such as 4xx.", field=f"{field}.status")
    return guard


def _one_of(value: Any, known: tuple[T, ...], field: str) -> T:
    if value not in known:
        raise RolloutInvalid(f"Must be one of: {', '.join(known)}.", field=field)
    return cast("T", value)


def _whole(value: Any, field: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise RolloutInvalid(f"Must be a whole number from {least} to {most}.", field=field, limit=most)
    return value


def _number(value: Any, field: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise RolloutInvalid(f"Must be a number from {least:g} to {most:g}.", field=field, limit=most)
    return float(value)


def _text(value: Any, field: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or "\0" in value or not value.isprintable():
        raise RolloutInvalid(f"Must be a text of at most {most} printable characters.", field=field, limit=most)
    return value
