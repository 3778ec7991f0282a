"""What a state does, in words; and who shares a layer."""

from __future__ import annotations

from typing import Any

from flags.documents import Document, segment_document
from flags.errors import FlagInvalid
from flags.evaluation.conditions import Compiler, Condition
from flags.evaluation.segment import compile_segment
from flags.models import FlagLayer, FlagSegment, FlagState
from flags.services.layers import layer_slices
from flags.services.support import all_environments


def sentence_of(state: FlagState) -> str:
    """One sentence, as lists show it: “2 rules, then 10 % “on”, 90 % “off””."""
    document = state.document
    if state.killed:
        return f"Killed: everybody gets “{document['off']}”."
    if not state.enabled:
        return f"Off: everybody gets “{document['off']}”."
    served = _served(document["serve"])
    parts = []
    if document.get("from") or document.get("until"):
        parts.append(" ".join(f"{name} {document[name]}" for name in ("from", "until") if document.get(name)))
    if layer := document.get("layer"):
        parts.append(f"for {layer['percentage']:g} % of layer “{layer['key']}”")
    if asked := document.get("prerequisites"):
        parts.append(f"if {' and '.join('“' + str(one['flag']) + '”' for one in asked)} allows")
    rules = len(document.get("rules", ()))
    if rules:
        parts.append(f"{rules} rule{'s' if rules > 1 else ''}, then {served}")
    else:
        parts.append(f"everybody gets {served}" if "variant" in document["serve"] else served)
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def segment_sentence(segment: FlagSegment) -> str:
    """The segment's condition in words."""
    return compile_segment(segment_document(segment)).sentence


def words_of(value: Any) -> str:
    """A split's shares, a rule or a condition out of a state's document, in words; "" for anything else."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and one.keys() >= {"variant", "percentage"} for one in value):
        return _served({"split": value})
    if not isinstance(value, dict):
        return ""
    if "serve" in value:
        condition = _condition(value.get("when"))
        served = _served(value["serve"])
        return f"if {condition}, serve {served}" if condition else f"for everybody, serve {served}"
    return _condition(value) if value.keys() & {"all", "any", "not", "segment", "operator"} else ""


def layer_shares(*, layer: FlagLayer) -> dict[str, dict[str, float]]:
    """The percentage of the layer that each flag has, by environment; those without flags are left out."""
    found = {}
    for environment in all_environments(layer.tenant):
        shares = layer_slices(Document.of(environment), layer.key)
        if shares:
            found[environment.name] = {flag: sum(end - start for start, end in pieces) / 1_000 for flag, pieces in sorted(shares.items())}
    return found


def _served(serve: dict[str, Any]) -> str:
    if "variant" in serve:
        return f"“{serve['variant']}”"
    return ", ".join(f"{share['percentage']:g} % “{share['variant']}”" for share in serve["split"])


def _condition(when: Any) -> str:
    if when is None:
        return ""
    try:
        # Segments are named, not looked into: they may be others by now.
        return Compiler("-", lambda _key: Condition(lambda _context: False, "")).read(when, "when").sentence
    except FlagInvalid:
        return ""
