"""Conditions: from what is written to functions that decide.

Owns the reading of nested AND, OR and NOT, of single conditions, percentages and uses of segments; their cost; and their sentences. A
condition is checked and compiled in one go, so what is accepted and what is evaluated can never differ. Errors are `FlagInvalid` with the
path to the place.

    {"all": […]}  {"any": […]}  {"not": …}
    {"attribute": "plan", "operator": "in", "value": ["pro", "team"], "ignore_case": true}
    {"operator": "percentage", "value": 12.5, "attribute": "account"}
    {"segment": "beta-testers"}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flags.errors import FlagInvalid
from flags.evaluation.attributes import TARGETING_KEY, Context, getter, key_getter
from flags.evaluation.buckets import PERCENTAGE_SEED, bucket_of, buckets_in
from flags.evaluation.limits import DEPTH, FLAG_COST, SEGMENT_USES
from flags.evaluation.operators import OPERATORS, PERCENTAGE, shown

Match = Callable[[Context], bool]
_GROUPS: Final = {"all": " and ", "any": " or "}
_SINGLE: Final = frozenset({"attribute", "operator", "value", "ignore_case"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. `parts` are the conditions it is made of; `bucket` says where somebody falls, if it is a percentage."""

    match: Match
    sentence: str
    parts: Sequence[Condition] = ()
    bucket: Callable[[Context], int | None] | None = None

    def first_bucket(self, context: Context) -> int | None:
        """The bucket of the first percentage in it; None where it has none."""
        if self.bucket is not None:
            return self.bucket(context)
        return next((found for part in self.parts if (found := part.first_bucket(context)) is not None), None)

    @property
    def by_percentage(self) -> bool:
        """Whether a percentage has a say in it."""
        return self.bucket is not None or any(part.by_percentage for part in self.parts)


@dataclass(slots=True)
class Compiler:
    """Reads the conditions of one flag or segment, and adds up what they cost.

    `segment` gives a compiled segment by its key, or None; it is None itself inside of segments, which name no others.
    """

    salt: str
    segment: Callable[[str], Condition | None] | None
    most: int = FLAG_COST
    cost: int = 0
    segments: list[str] = field(default_factory=list)

    def read(self, sent: Any, path: str, depth: int = 1) -> Condition:
        """The condition in `sent`. Raises FlagInvalid."""
        if not isinstance(sent, Mapping):
            raise FlagInvalid("A condition must be an object.", field=path)
        for name in _GROUPS:
            if name in sent:
                return self._group(sent, name, path, depth)
        if "not" in sent:
            _only(sent, {"not"}, path)
            _deep_enough(depth, path)
            return _not(self.read(sent["not"], f"{path}.not", depth + 1))
        if "segment" in sent:
            return self._segment(sent, path)
        return self._percentage(sent, path) if sent.get("operator") == PERCENTAGE else self._single(sent, path)

    def spend(self, cost: int, path: str) -> None:
        """Count what a condition costs. Raises FlagInvalid when it is too much."""
        self.cost += cost
        if self.cost > self.most:
            raise FlagInvalid(f"The conditions together are too costly: at most {self.most} units.", field=path, limit=self.most)

    def _group(self, sent: Mapping[str, Any], name: str, path: str, depth: int) -> Condition:
        _only(sent, {name}, path)
        _deep_enough(depth, path)
        each = sent[name]
        if not isinstance(each, list) or not each:
            raise FlagInvalid(f"“{name}” must be a list of one or more conditions.", field=f"{path}.{name}")
        parts = [self.read(one, f"{path}.{name}[{number}]", depth + 1) for number, one in enumerate(each)]
        if len(parts) == 1:
            return parts[0]
        sentence = _GROUPS[name].join(f"({part.sentence})" if _mixed(part) else part.sentence for part in parts)
        return Condition(_all(parts) if name == "all" else _any(parts), sentence, parts)

    def _single(self, sent: Mapping[str, Any], path: str) -> Condition:
        _only(sent, _SINGLE, path)
        name = sent.get("operator")
        operator = OPERATORS.get(name) if isinstance(name, str) else None
        if operator is None:
            known = ", ".join([*OPERATORS, PERCENTAGE])
            raise FlagInvalid(f"There is no operator {str(name)[:60]!r}; there are {known}.", field=f"{path}.operator")
        attribute, read = _attribute(sent.get("attribute"), getter, path)
        ignore_case = sent.get("ignore_case", False)
        if type(ignore_case) is not bool or (ignore_case and not operator.text):
            raise FlagInvalid("“ignore_case” is true or false, and for texts only.", field=f"{path}.ignore_case")
        value = sent.get("value")
        self.spend(operator.cost(value), path)
        try:
            decide = operator.make(value, ignore_case)
        except ValueError as error:
            raise FlagInvalid(f"With {name}, {error}.", field=f"{path}.value") from None
        told = "" if value is None else f" {shown(value)}"
        return Condition(
            lambda context: decide(read(context)), f"{attribute} {operator.phrase}{told}{' (any case)' if ignore_case else ''}"
        )

    def _percentage(self, sent: Mapping[str, Any], path: str) -> Condition:
        _only(sent, {"attribute", "operator", "value"}, path)
        attribute, key = _attribute(sent.get("attribute", TARGETING_KEY), key_getter, path)
        try:
            value = sent.get("value")
            if type(value) not in (int, float):
                raise ValueError("a percentage is a number")  # noqa: TRY301 - one way out for both faults
            upper = buckets_in(value)  # type: ignore[arg-type]  # one of the two
        except ValueError as error:
            raise FlagInvalid(f"With {PERCENTAGE}, {error}.", field=f"{path}.value") from None
        self.spend(2, path)
        salt = self.salt

        def bucket(context: Context) -> int | None:
            found = key(context)
            return None if found is None else bucket_of(salt, found, seed=PERCENTAGE_SEED)

        def match(context: Context) -> bool:
            found = key(context)
            return found is not None and bucket_of(salt, found, seed=PERCENTAGE_SEED) < upper

        return Condition(match, f"{attribute} is among the first {value:g} %", bucket=bucket)

    def _segment(self, sent: Mapping[str, Any], path: str) -> Condition:
        _only(sent, {"segment"}, path)
        key = sent["segment"]
        if self.segment is None:
            raise FlagInvalid("A segment cannot name another one.", field=path)
        found = self.segment(key) if isinstance(key, str) else None
        if found is None:
            raise FlagInvalid(f"There is no segment {str(key)[:60]!r}.", field=f"{path}.segment")
        self.segments.append(str(key))
        if len(self.segments) > SEGMENT_USES:
            raise FlagInvalid(f"A flag may name segments {SEGMENT_USES} times.", field=path, limit=SEGMENT_USES)
        return Condition(found.match, f"in segment “{key}”", (found,))


def _attribute(sent: Any, read: Callable[[str], Any], path: str) -> tuple[str, Any]:
    try:
        if not isinstance(sent, str):
            raise ValueError("a condition names an attribute")  # noqa: TRY004, TRY301 - one way out for both faults
        return sent, read(sent)
    except ValueError as error:
        raise FlagInvalid(f"Not an attribute: {error}.", field=f"{path}.attribute") from None


def _deep_enough(depth: int, path: str) -> None:
    if depth > DEPTH:
        raise FlagInvalid(f"Conditions may be nested {DEPTH} levels deep.", field=path, limit=DEPTH)


def _only(sent: Mapping[str, Any], known: set[str] | frozenset[str], path: str) -> None:
    if unknown := sorted(str(name) for name in sent if name not in known):
        raise FlagInvalid(f"A condition has no field {unknown[0][:60]!r} here.", field=path)


def _mixed(part: Condition) -> bool:
    return len(part.parts) > 1


def _not(part: Condition) -> Condition:
    match = part.match
    return Condition(lambda context: not match(context), f"not ({part.sentence})", (part,))


def _all(parts: Sequence[Condition]) -> Match:
    if len(parts) == 2:  # noqa: PLR2004 - the most frequent number, without a loop
        first, second = parts[0].match, parts[1].match
        return lambda context: first(context) and second(context)
    matches = [part.match for part in parts]

    def match(context: Context) -> bool:
        for one in matches:  # noqa: SIM110 - a generator would cost as much as the conditions
            if not one(context):
                return False
        return True

    return match


def _any(parts: Sequence[Condition]) -> Match:
    matches = [part.match for part in parts]

    def match(context: Context) -> bool:
        for one in matches:  # noqa: SIM110 - as above
            if one(context):
                return True
        return False

    return match
