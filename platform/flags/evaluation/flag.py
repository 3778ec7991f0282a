"""One flag, compiled.

Owns the order in which a flag is asked: its switch, its schedule, its layer, its prerequisites, its rules from the first to the last, and
its default. Whatever comes before the rules and says no leads to the `off` variant. A flag is checked and compiled in one go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any, Final

from flags.errors import FlagInvalid
from flags.evaluation.attributes import TARGETING_KEY, Context, key_getter
from flags.evaluation.buckets import bucket_of
from flags.evaluation.conditions import Compiler, Condition
from flags.evaluation.limits import FLAG_BYTES, NAME_CHARACTERS, PREREQUISITES, RULES
from flags.evaluation.result import TYPES, Decided, Evaluation, Type, failed
from flags.evaluation.scalars import moment_of
from flags.evaluation.serving import Serving, known_variant, read_percentage, read_pieces, read_serving
from flags.evaluation.values import read_variants

# What evaluations of one call have found so far, by flag; None while it is under way.
Memo = dict[str, Evaluation | None]
# Evaluates another flag.
Ask = Callable[[str, Context, float, Memo], Evaluation | None]

FIELDS: Final = frozenset(
    {"key", "type", "salt", "variants", "enabled", "off", "serve", "rules", "prerequisites", "layer", "from", "until", "revision"}
)
_RULE: Final = frozenset({"id", "name", "when", "serve", "from", "until"})


@dataclass(frozen=True, slots=True)
class Period:
    """When something is in force, in seconds since 1970: from `start` on, before `end`."""

    start: float
    end: float
    sentence: str

    def holds(self, now: float) -> bool:
        """Whether `now` lies in it."""
        return self.start <= now < self.end


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `condition` is None where it is for everybody. `results` are its evaluations by variant, without buckets."""

    id: str
    condition: Condition | None
    serving: Serving
    period: Period | None
    decided: Decided
    by_percentage: bool
    results: Mapping[str, Evaluation]


@dataclass(frozen=True, slots=True)
class Layer:
    """The slice of a mutual-exclusion layer that the flag has."""

    key: str
    salt: str
    pieces: tuple[tuple[int, int], ...]
    sentence: str

    def bucket(self, context: Context) -> int | None:
        """Where somebody falls in the layer; None without a targeting key."""
        found = _targeting(context)
        return None if found is None else bucket_of(self.salt, found)

    def has(self, bucket: int | None) -> bool:
        """Whether the flag's slice holds that bucket."""
        return bucket is not None and any(start <= bucket < end for start, end in self.pieces)


_targeting = key_getter(TARGETING_KEY)


@dataclass(slots=True)
class Flag:
    """A compiled flag. `segments` are the keys of those it names."""

    key: str
    type: Type
    salt: str
    variants: Mapping[str, Any]
    enabled: bool
    off: str
    period: Period | None
    layer: Layer | None
    prerequisites: tuple[tuple[str, frozenset[str]], ...]
    rules: tuple[Rule, ...]
    default: Rule
    segments: tuple[str, ...]
    ask: Ask
    # Whether the clock is needed.
    timed: bool = False
    _off: dict[str, Evaluation] = field(default_factory=dict)

    def run(self, context: Context, now: float | None, memo: Memo | None, default: Any) -> Evaluation:
        """The evaluation for `context` at `now` (None: the clock's)."""
        if not self.enabled:
            return self.turned_off("disabled")
        if now is None and (self.timed or self.prerequisites):
            now = time()
        if self.period is not None and not self.period.holds(now or 0.0):
            return self.turned_off("schedule")
        if self.layer is not None and not self.layer.has(self.layer.bucket(context)):
            return self.turned_off("layer")
        if self.prerequisites:
            memo = {self.key: None} if memo is None else memo
            if self.unmet(context, now or 0.0, memo) is not None:
                return self.turned_off("prerequisite")
        for rule in self.rules:
            if rule.period is not None and not rule.period.holds(now or 0.0):
                continue
            if rule.condition is None or rule.condition.match(context):
                return self._serve(rule, context, default)
        return self._serve(self.default, context, default)

    def unmet(self, context: Context, now: float, memo: Memo) -> str | None:
        """The first prerequisite that is not met; None when all are."""
        for key, variants in self.prerequisites:
            found = memo[key] if key in memo else self.ask(key, context, now, memo)
            if found is None or found.variant not in variants:
                return key
        return None

    def turned_off(self, by: Any) -> Evaluation:
        """The `off` variant, because of the switch, the schedule, the layer or a prerequisite."""
        if by not in self._off:
            sentence = {
                "disabled": "switched off",
                "schedule": f"not in force: {self.period.sentence if self.period else ''}",
                "layer": f"outside of its slice of layer “{self.layer.key if self.layer else ''}”",
                "prerequisite": "a prerequisite is not met",
            }[by]
            self._off[by] = Evaluation(
                self.key,
                self.variants[self.off],
                self.off,
                "DISABLED" if by in {"disabled", "schedule"} else "DEFAULT",
                self.type,
                Decided(by, sentence),
                layer=self.layer.key if self.layer else None,
            )
        return self._off[by]

    def _serve(self, rule: Rule, context: Context, default: Any) -> Evaluation:
        serving = rule.serving
        if serving.variant is not None:
            found = rule.results[serving.variant]
            if not rule.by_percentage or rule.condition is None:
                return found
            bucket = rule.condition.first_bucket(context)
        else:
            bucket = serving.bucket(self.salt, context)
            if bucket is None:
                return failed(
                    self.key, default, "TARGETING_KEY_MISSING", f"The flag is split by {serving.by!r}, which the context does not have."
                )
            found = rule.results[serving.choose(bucket)]
        return Evaluation(found.key, found.value, found.variant, found.reason, found.type, found.decided, bucket, found.layer)


def compile_flag(
    sent: Any, *, segment: Callable[[str], Condition | None], layer: Callable[[str], str | None], ask: Ask, key: str | None = None
) -> Flag:
    """The flag in `sent`. `layer` gives a layer's salt by its key, or None. Raises FlagInvalid, whose `field` is the path to the fault."""
    if not isinstance(sent, Mapping):
        raise FlagInvalid("A flag must be an object.", field="flag")
    if unknown := sorted(str(name) for name in sent if name not in FIELDS):
        raise FlagInvalid(f"A flag has no field {unknown[0][:60]!r}.", field=unknown[0][:60])
    _check_size(sent)
    key = str(sent.get("key") or key or "")
    kind, salt, enabled = sent.get("type"), sent.get("salt"), sent.get("enabled", True)
    if kind not in TYPES:
        raise FlagInvalid(f"The type must be one of {', '.join(TYPES)}.", field="type")
    if not isinstance(salt, str) or not 1 <= len(salt) <= NAME_CHARACTERS or ":" in salt:
        raise FlagInvalid(f"The salt must be a text of 1 to {NAME_CHARACTERS} characters without a colon.", field="salt")
    if type(enabled) is not bool:
        raise FlagInvalid("“enabled” is true or false.", field="enabled")
    variants = read_variants(sent.get("variants"), kind)
    compiler = Compiler(salt, segment)
    found_layer = _layer(sent.get("layer"), layer)
    rules = sent.get("rules", [])
    if not isinstance(rules, list) or len(rules) > RULES:
        raise FlagInvalid(f"“rules” is a list of at most {RULES}.", field="rules", limit=RULES)
    maker = _Maker(key, kind, variants, compiler, found_layer.key if found_layer else None)
    compiled = tuple(maker.rule(rule, number) for number, rule in enumerate(rules))
    ids = [rule.id for rule in compiled]
    if len(set(ids)) != len(ids):
        raise FlagInvalid("Two rules have the same id.", field="rules")
    period = _period(sent, "")
    return Flag(
        key=key,
        type=kind,
        salt=salt,
        variants=variants,
        enabled=enabled,
        off=known_variant(sent.get("off"), variants, "off"),
        period=period,
        layer=found_layer,
        prerequisites=_prerequisites(sent.get("prerequisites", [])),
        rules=compiled,
        default=maker.default(sent.get("serve"), static=not compiled),
        segments=tuple(dict.fromkeys(compiler.segments)),
        ask=ask,
        timed=period is not None or any(rule.period is not None for rule in compiled),
    )


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the rules of one flag."""

    key: str
    type: Type
    variants: Mapping[str, Any]
    compiler: Compiler
    layer: str | None

    def rule(self, sent: Any, number: int) -> Rule:
        path = f"rules[{number}]"
        if not isinstance(sent, Mapping):
            raise FlagInvalid("A rule must be an object.", field=path)
        if unknown := sorted(str(name) for name in sent if name not in _RULE):
            raise FlagInvalid(f"A rule has no field {unknown[0][:60]!r}.", field=path)
        identity, name = sent.get("id", str(number + 1)), sent.get("name", "")
        if not isinstance(identity, str) or not 1 <= len(identity) <= NAME_CHARACTERS:
            raise FlagInvalid(f"A rule's id has 1 to {NAME_CHARACTERS} characters.", field=f"{path}.id")
        if not isinstance(name, str) or len(name) > NAME_CHARACTERS:
            raise FlagInvalid(f"A rule's name may have {NAME_CHARACTERS} characters.", field=f"{path}.name")
        self.compiler.spend(1, path)
        condition = self.compiler.read(sent["when"], f"{path}.when") if sent.get("when") is not None else None
        serving = read_serving(sent.get("serve"), self.variants, f"{path}.serve")
        asked = f"if {condition.sentence}" if condition else "for everybody"
        decided = Decided("rule", f"{asked}, {serving.sentence}", identity, number)
        by_percentage = condition is not None and condition.by_percentage
        reason = "SPLIT" if by_percentage or serving.variant is None else "TARGETING_MATCH"
        return Rule(
            identity, condition, serving, _period(sent, f"{path}."), decided, by_percentage, self._results(serving, reason, decided)
        )

    def default(self, sent: Any, *, static: bool) -> Rule:
        serving = read_serving(sent, self.variants, "serve")
        decided = Decided("default", serving.sentence if static else f"otherwise, {serving.sentence}")
        reason = "SPLIT" if serving.variant is None else "STATIC" if static and self.layer is None else "DEFAULT"
        return Rule("", None, serving, None, decided, by_percentage=False, results=self._results(serving, reason, decided))

    def _results(self, serving: Serving, reason: Any, decided: Decided) -> dict[str, Evaluation]:
        names = [serving.variant] if serving.variant is not None else serving.variants
        return {name: Evaluation(self.key, self.variants[name], name, reason, self.type, decided, layer=self.layer) for name in names}


def _layer(sent: Any, salt_of: Callable[[str], str | None]) -> Layer | None:
    if sent is None:
        return None
    if not isinstance(sent, Mapping) or not sent.keys() <= {"key", "percentage", "pieces"}:
        raise FlagInvalid("“layer” has a “key” and a “percentage”.", field="layer")
    key = sent.get("key")
    salt = salt_of(key) if isinstance(key, str) else None
    if salt is None:
        raise FlagInvalid(f"There is no layer {str(key)[:60]!r}.", field="layer.key")
    count = read_percentage(sent.get("percentage"), "layer.percentage")
    pieces = read_pieces(sent.get("pieces", [[0, count]] if count else []), count, "layer.pieces")
    return Layer(str(key), salt, pieces, f"has {sent['percentage']:g} % of layer “{key}”")


def _prerequisites(sent: Any) -> tuple[tuple[str, frozenset[str]], ...]:
    if not isinstance(sent, list) or len(sent) > PREREQUISITES:
        raise FlagInvalid(f"“prerequisites” is a list of at most {PREREQUISITES}.", field="prerequisites", limit=PREREQUISITES)
    found = []
    for number, one in enumerate(sent):
        path = f"prerequisites[{number}]"
        if not isinstance(one, Mapping) or one.keys() != {"flag", "variants"} or not isinstance(one["flag"], str):
            raise FlagInvalid("A prerequisite has a “flag” and its “variants” that are good.", field=path)
        variants = one["variants"]
        if not isinstance(variants, list) or not variants or not all(isinstance(name, str) for name in variants):
            raise FlagInvalid("A prerequisite names one or more variants.", field=f"{path}.variants")
        found.append((one["flag"], frozenset(variants)))
    return tuple(found)


def _period(sent: Mapping[str, Any], path: str) -> Period | None:
    bounds = []
    for name, otherwise in (("from", float("-inf")), ("until", float("inf"))):
        text = sent.get(name)
        moment = otherwise if text is None else moment_of(text) if isinstance(text, str) else None
        if moment is None:
            raise FlagInvalid(f"“{name}” must be a date in ISO 8601.", field=f"{path}{name}")
        bounds.append(moment)
    if sent.get("from") is None and sent.get("until") is None:
        return None
    if bounds[0] >= bounds[1]:
        raise FlagInvalid("“until” must come after “from”.", field=f"{path}until")
    told = " ".join(f"{name} {sent[name]}" for name in ("from", "until") if sent.get(name) is not None)
    return Period(bounds[0], bounds[1], told)


def _check_size(sent: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(sent, allow_nan=False).encode())
    except (ValueError, TypeError, RecursionError):
        raise FlagInvalid("The flag is not JSON.", field="flag") from None
    if size > FLAG_BYTES:
        raise FlagInvalid(f"A flag may have {FLAG_BYTES} bytes as JSON.", field="flag", limit=FLAG_BYTES)
