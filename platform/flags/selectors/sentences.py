"""What a state does, in words; and who shares a layer."""

from __future__ import annotations

from typing import Any

from flags.documents import Document, segment_document
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
