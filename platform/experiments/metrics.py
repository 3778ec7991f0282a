"""What an experiment measures.

Owns the kinds of metrics and their reading. Pure.

    {"name": "purchases", "kind": "conversion", "event": "purchase"}          share of participants who did it at least once
    {"name": "baskets", "kind": "count", "event": "basket"}                   how often, on average of a participant
    {"name": "revenue", "kind": "sum", "event": "purchase"}                   sum of the values, on average of a participant
    {"name": "errors", "kind": "errors", "tolerance": 0.1}                    failed invocations of all; a guardrail: at most 10 % worse
    {"name": "cpu", "kind": "cpu_ms"}, {"name": "wall", "kind": "wall_ms"}    milliseconds of an invocation, on average
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

import msgspec

from experiments.errors import ExperimentInvalid
from experiments.naming import EVENT_CHARACTERS

Kind = Literal["conversion", "count", "sum", "errors", "cpu_ms", "wall_ms"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
OF_EVENTS: Final = frozenset({"conversion", "count", "sum"})
METRICS: Final = 20
NAME_CHARACTERS: Final = 63
_FIELDS: Final = frozenset({"name", "kind", "event", "better", "tolerance"})


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
    """One metric; with a tolerance, a guardrail: how much worse than the control it may be, as a part of the control's value."""

    name: str
    kind: Kind
    event: str = ""
    better: Literal["higher", "lower"] = "higher"
    tolerance: float | None = None

    @property
    def lower_is_better(self) -> bool:
        """Whether less of it is what one wants."""
        return self.better == "lower"


def read_metrics(sent: Any) -> list[Metric]:
    """The metrics in `sent`, the first being the one that matters most. Raises `ExperimentInvalid`, naming the field."""
    if not isinstance(sent, Sequence) or isinstance(sent, str) or not 1 <= len(sent) <= METRICS:
        raise ExperimentInvalid(f"An experiment has 1 to {METRICS} metrics.", field="metrics", limit=METRICS)
    found = [_metric(one, f"metrics[{number}]") for number, one in enumerate(sent)]
    if len({metric.name for metric in found}) != len(found):
        raise ExperimentInvalid("Two metrics have the same name.", field="metrics")
    return found


def stored(metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """As a row keeps them."""
    return [msgspec.to_builtins(metric) for metric in metrics]


def of_row(kept: Sequence[Mapping[str, Any]]) -> list[Metric]:
    """What `stored` gave."""
    return [msgspec.convert(one, Metric) for one in kept]


def _metric(sent: Any, path: str) -> Metric:
    if not isinstance(sent, Mapping):
        raise ExperimentInvalid("A metric must be an object.", field=path)
    if unknown := sorted(str(name) for name in sent if name not in _FIELDS):
        raise ExperimentInvalid(f"A metric has no field {unknown[0][:60]!r}.", field=path)
    name, kind, event = sent.get("name"), sent.get("kind"), sent.get("event", "")
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARACTERS:
        raise ExperimentInvalid(f"A metric's name has 1 to {NAME_CHARACTERS} characters.", field=f"{path}.name", limit=NAME_CHARACTERS)
    if kind not in KINDS:
        raise ExperimentInvalid(f"A metric's kind is one of {', '.join(KINDS)}.", field=f"{path}.kind")
    if kind in OF_EVENTS and not (isinstance(event, str) and 1 <= len(event) <= EVENT_CHARACTERS):
        raise ExperimentInvalid(f"A metric of the kind {kind} names an event.", field=f"{path}.event", limit=EVENT_CHARACTERS)
    if kind not in OF_EVENTS and event:
        raise ExperimentInvalid(f"A metric of the kind {kind} is about no event.", field=f"{path}.event")
    better = sent.get("better", "higher" if kind in OF_EVENTS else "lower")
    if better not in ("higher", "lower"):
        raise ExperimentInvalid("“better” is higher or lower.", field=f"{path}.better")
    tolerance = sent.get("tolerance")
    if tolerance is not None and (isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance <= 1):
        raise ExperimentInvalid("A tolerance is a number from 0 to 1: a part of the control's value.", field=f"{path}.tolerance", limit=1)
    return Metric(name, kind, event, better, None if tolerance is None else float(tolerance))
