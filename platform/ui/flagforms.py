"""A flag's state as a form, and back: the editor works without scripts.

Owns the names of the form's fields and the writing of values: `a, b` is a list, `3` a number, `true` true, `"3"` a text. Conditions that
are more than one list of all or any are written as JSON. Must not judge what is written: the services refuse it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flags.evaluation.limits import RULES
from flags.evaluation.operators import OPERATORS, PERCENTAGE
from flags.models import Flag, FlagState
from tenants.errors import FieldInvalid

# What a condition of the form can ask beside the engine's operators.
SEGMENT, NOT_SEGMENT = "segment", "not_segment"
CHOICES: Final[Sequence[tuple[str, str]]] = (
    *((name, operator.phrase) for name, operator in OPERATORS.items()),
    (PERCENTAGE, "is among the first %"),
    (SEGMENT, "in segment"),
    (NOT_SEGMENT, "not in segment"),
)
_LISTS: Final = frozenset({"in", "not_in", "contains", "starts_with", "ends_with", "in_cidr"})
_BARE: Final = frozenset({"exists", "not_exists"})
_CONDITIONS: Final = 20
_PART: Final = re.compile(r'\s*("(?:[^"\\]|\\.)*"(?=\s*(?:,|$))|[^,]+)')
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


@dataclass(slots=True)
class ServeForm:
    """What is served: `kind` is `one` or `split`; `shares` are (variant, percentage as it is typed)."""

    kind: str = "one"
    variant: str = ""
    by: str = ""
    shares: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class ConditionForm:
    """One condition, as it is typed."""

    attribute: str = ""
    operator: str = "equals"
    value: str = ""


@dataclass(slots=True)
class RuleForm:
    """One rule. `json` holds the whole condition where a list cannot show it."""

    n: int
    serve: ServeForm
    id: str = ""
    name: str = ""
    order: str = ""
    mode: str = "all"
    conditions: list[ConditionForm] = field(default_factory=list)
    json: str = ""
    begins: str = ""
    until: str = ""
    everybody: bool = False
    drop: bool = False
    sentence: str = ""

    @property
    def prefix(self) -> str:
        """What the names of its fields of `serve` begin with, behind `rule.`."""
        return f"{self.n}.serve"

    @property
    def shown(self) -> list[ConditionForm]:
        """The conditions, and an empty one to add to them."""
        return [*self.conditions, ConditionForm(), *([] if self.conditions else [ConditionForm()])][:_CONDITIONS]

    @property
    def empty(self) -> bool:
        """Whether nothing was typed into a new rule."""
        return not (self.id or self.conditions or self.json or self.everybody)


@dataclass(slots=True)
class StateForm:
    """The whole form."""

    enabled: bool
    off: str
    serve: ServeForm
    rules: list[RuleForm]
    new: RuleForm
    # (key, variants with commas); an empty pair at the end to add one.
    prerequisites: list[tuple[str, str]]
    layer: str = ""
    percentage: str = ""
    begins: str = ""
    until: str = ""


def of_state(flag: Flag, state: FlagState) -> StateForm:
    """The form as it is opened."""
    document = state.document
    rules = [_rule(number, rule, flag) for number, rule in enumerate(document.get("rules", ()))]
    layer = document.get("layer") or {}
    asked = [(str(one["flag"]), ", ".join(one["variants"])) for one in document.get("prerequisites", ())]
    return StateForm(
        enabled=state.enabled,
        off=document["off"],
        serve=_serve(document["serve"], flag),
        rules=rules,
        new=RuleForm(len(rules), _serve({"variant": next(iter(flag.variants))}, flag)),
        prerequisites=[*asked, ("", "")],
        layer=str(layer.get("key", "")),
        percentage=_percent(layer["percentage"]) if layer else "",
        begins=document.get("from") or "",
        until=document.get("until") or "",
    )


def of_post(flag: Flag, post: Mapping[str, str]) -> StateForm:
    """The form as it was sent."""
    rules: list[RuleForm] = []
    for number in range(RULES + 1):
        if f"rule.{number}.order" not in post:
            break
        rules.append(_posted_rule(number, flag, post))
    new = rules.pop() if rules else RuleForm(0, _posted_serve("rule.0.serve", flag, post))
    asked = []
    for number in range(_CONDITIONS):
        key = post.get(f"asked.{number}.flag", "").strip()
        if key:
            asked.append((key, post.get(f"asked.{number}.variants", "")))
    return StateForm(
        enabled="enabled" in post,
        off=post.get("off", ""),
        serve=_posted_serve("serve", flag, post),
        rules=rules,
        new=new,
        prerequisites=[*asked, ("", "")],
        layer=post.get("layer", "").strip(),
        percentage=post.get("layer.percentage", "").strip(),
        begins=post.get("from", "").strip(),
        until=post.get("until", "").strip(),
    )


def changes_of(form: StateForm) -> dict[str, Any]:
    """What the service is told. Raises FieldInvalid for a text that is no number or no JSON."""
    rules = [rule for rule in [*form.rules, form.new] if not rule.drop and not rule.empty]
    ordered = sorted(rules, key=lambda rule: (_order(rule), rule.n))
    return {
        "enabled": form.enabled,
        "off": form.off,
        "serve": _served(form.serve, "serve"),
        "rules": [_written(rule) for rule in ordered],
        "prerequisites": [
            {"flag": key, "variants": [name.strip() for name in variants.split(",") if name.strip()]}
            for key, variants in form.prerequisites
            if key
        ],
        "layer": {"key": form.layer, "percentage": _number(form.percentage, "layer.percentage")} if form.layer else None,
        "from": form.begins or None,
        "until": form.until or None,
    }


def of_segment(when: Mapping[str, Any] | None) -> RuleForm:
    """A segment's condition as a form has it; an empty one for a new segment."""
    found = RuleForm(0, ServeForm())
    _fill(found, when)
    return found


def condition_of(post: Mapping[str, str]) -> Any:
    """The condition of a segment's form. Raises FieldInvalid."""
    rule = RuleForm(0, ServeForm(), mode=post.get("rule.0.mode", "all"), json=post.get("rule.0.json", "").strip())
    rule.conditions = _posted_conditions("rule.0", post)
    found = _when(rule, "when")
    if found is None:
        raise FieldInvalid("A segment needs one condition at least.", field="when")
    return found


def variants_of(text: str) -> dict[str, Any]:
    """Variants written a line each, `name = JSON`. Raises FieldInvalid."""
    found: dict[str, Any] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        if not sign or name.strip() in found:
            raise FieldInvalid(f"Write each variant once, on a line of its own: name = value ({line.strip()[:40]!r}).", field="variants")
        found[name.strip()] = _parsed(value.strip(), f"variants.{name.strip()[:60]}")
    return found


def variants_text(variants: Mapping[str, Any]) -> str:
    """Variants as a form shows them."""
    return "\n".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in variants.items())


def scalar(text: str) -> Any:
    """A text, number, true or false, as it is typed."""
    if text in {"true", "false"}:
        return text == "true"
    if _NUMBER.fullmatch(text):
        return json.loads(text) if not text.lstrip("-").startswith("0") or text.lstrip("-").startswith("0.") or text == "0" else text
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def shown(value: Any) -> str:
    """A value as it would be typed."""
    if isinstance(value, list):
        return ", ".join(shown(each) for each in value)
    if isinstance(value, str):
        plain = scalar(value) == value and isinstance(scalar(value), str) and "," not in value and value.strip() == value
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _rule(number: int, rule: Mapping[str, Any], flag: Flag) -> RuleForm:
    found = RuleForm(
        n=number,
        id=rule["id"],
        name=rule.get("name", ""),
        order=str(number + 1),
        serve=_serve(rule["serve"], flag),
        begins=rule.get("from") or "",
        until=rule.get("until") or "",
        everybody=rule.get("when") is None,
    )
    _fill(found, rule.get("when"))
    return found


def _fill(rule: RuleForm, when: Mapping[str, Any] | None) -> None:
    conditions = _flat(when)
    rule.mode = "any" if when is not None and "any" in when else "all"
    rule.conditions = conditions or []
    rule.json = "" if conditions is not None else json.dumps(when, ensure_ascii=False, indent=1)


def _flat(when: Any) -> list[ConditionForm] | None:
    """The conditions of one list; None where it takes more than that."""
    if when is None:
        return []
    parts = when.get("all", when.get("any", [when]))
    found = [_single(part) for part in parts]
    return None if len(found) >= _CONDITIONS or any(part is None for part in found) else [part for part in found if part is not None]


def _single(part: Mapping[str, Any]) -> ConditionForm | None:
    inner = part.get("not")
    if part.keys() == {"segment"}:
        return ConditionForm("", SEGMENT, part["segment"])
    if part.keys() == {"not"} and isinstance(inner, dict) and inner.keys() == {"segment"}:
        return ConditionForm("", NOT_SEGMENT, inner["segment"])
    if "operator" not in part or not part.keys() <= {"attribute", "operator", "value"}:
        return None
    value = part.get("value")
    return ConditionForm(str(part.get("attribute", "")), part["operator"], "" if value is None else shown(value))


def _serve(serve: Mapping[str, Any], flag: Flag) -> ServeForm:
    shares = {share["variant"]: _percent(share["percentage"]) for share in serve.get("split", ())}
    return ServeForm(
        kind="split" if shares else "one",
        variant=serve.get("variant", next(iter(flag.variants))),
        by=serve.get("by", ""),
        # In the order in which the variants are written: it has no meaning once buckets are handed out.
        shares=[(name, shares.get(name, "")) for name in flag.variants],
    )


def _posted_serve(prefix: str, flag: Flag, post: Mapping[str, str]) -> ServeForm:
    return ServeForm(
        kind=post.get(f"{prefix}.kind", "one"),
        variant=post.get(f"{prefix}.variant", ""),
        by=post.get(f"{prefix}.by", "").strip(),
        shares=[(name, post.get(f"{prefix}.share.{name}", "").strip()) for name in flag.variants],
    )


def _posted_rule(number: int, flag: Flag, post: Mapping[str, str]) -> RuleForm:
    here = f"rule.{number}"
    return RuleForm(
        n=number,
        id=post.get(f"{here}.id", ""),
        name=post.get(f"{here}.name", "").strip(),
        order=post.get(f"{here}.order", "").strip(),
        mode=post.get(f"{here}.mode", "all"),
        conditions=_posted_conditions(here, post),
        json=post.get(f"{here}.json", "").strip(),
        serve=_posted_serve(f"{here}.serve", flag, post),
        begins=post.get(f"{here}.from", "").strip(),
        until=post.get(f"{here}.until", "").strip(),
        everybody=f"{here}.everybody" in post,
        drop=f"{here}.drop" in post,
    )


def _posted_conditions(here: str, post: Mapping[str, str]) -> list[ConditionForm]:
    conditions = []
    for number in range(_CONDITIONS):
        place = f"{here}.{number}"
        found = ConditionForm(
            post.get(f"{place}.attribute", "").strip(), post.get(f"{place}.operator", ""), post.get(f"{place}.value", "").strip()
        )
        if found.attribute or (found.operator in {SEGMENT, NOT_SEGMENT, PERCENTAGE} and found.value):
            conditions.append(found)
    return conditions


def _written(rule: RuleForm) -> dict[str, Any]:
    place = f"rules[{rule.n}]"
    found: dict[str, Any] = {"name": rule.name, "serve": _served(rule.serve, f"{place}.serve")}
    if rule.id:
        found["id"] = rule.id
    when = _when(rule, place)
    if when is not None:
        found["when"] = when
    elif not rule.everybody:
        # Emptied by mistake, it would be for everybody.
        raise FieldInvalid(f"Rule {rule.order or rule.n + 1} has no condition: say that it is for everybody, or remove it.", field=place)
    found |= {name: value for name, value in (("from", rule.begins), ("until", rule.until)) if value}
    return found


def _when(rule: RuleForm, place: str) -> Any:
    if rule.json:
        return _parsed(rule.json, f"{place}.when")
    parts = [_condition(each, place) for each in rule.conditions]
    if len(parts) < 2:  # noqa: PLR2004 - one needs no list
        return parts[0] if parts else None
    return {"any" if rule.mode == "any" else "all": parts}


def _condition(form: ConditionForm, place: str) -> dict[str, Any]:
    if form.operator in {SEGMENT, NOT_SEGMENT}:
        named = {"segment": form.value}
        return {"not": named} if form.operator == NOT_SEGMENT else named
    found: dict[str, Any] = {"operator": form.operator}
    if form.attribute:
        found["attribute"] = form.attribute
    if form.operator == PERCENTAGE:
        found["value"] = _number(form.value, f"{place}.when.value")
    elif form.operator == "matches":
        found["value"] = form.value
    elif form.operator in _LISTS:
        found["value"] = [scalar(each) for each in _list_of(form.value)]
    elif form.operator not in _BARE:
        # A version is no number, though it may look like one.
        found["value"] = form.value if form.operator.startswith("semver_") else scalar(form.value)
    return found


def _list_of(text: str) -> list[str]:
    """Parts between commas that are not within quotes."""
    return [part.strip() for part in _PART.findall(text) if part.strip()]


def _served(form: ServeForm, place: str) -> dict[str, Any]:
    if form.kind != "split":
        return {"variant": form.variant}
    shares = [{"variant": name, "percentage": _number(text, f"{place}.split")} for name, text in form.shares if text]
    return {"split": shares, **({"by": form.by} if form.by else {})}


def _number(text: str, place: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise FieldInvalid(f"{text[:20]!r} is not a percentage.", field=place)
    number = float(text)
    return int(number) if number.is_integer() else number


def _order(rule: RuleForm) -> float:
    return float(rule.order) if _NUMBER.fullmatch(rule.order) else RULES + 1.0


def _percent(value: float) -> str:
    return f"{value:g}"


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FieldInvalid(f"Not JSON: {error}.", field=place) from None
