"""From what somebody has written about a flag's state to what is stored: ids of rules, and who keeps which buckets.

Owns the handing over of buckets (flags.evaluation.buckets) from the state before to the state after. What is wrong is left as it is: the
engine refuses it in words a moment later.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flags.documents import Document
from flags.errors import FlagInvalid
from flags.evaluation.buckets import BUCKETS, buckets_in, handed_over
from flags.services.layers import layer_slices

# What a state is made of, beside its switches.
FIELDS = ("off", "serve", "rules", "prerequisites", "layer", "from", "until")


def shaped(before: Mapping[str, Any], changes: Mapping[str, Any], *, document: Document, key: str) -> dict[str, Any]:
    """The state's document after `changes` (None removes a field). Raises `FlagInvalid` where a layer has no room."""
    after = {**before, **changes}
    for name in ("layer", "from", "until"):
        if after.get(name) is None:
            after.pop(name, None)
    after["serve"] = _kept(before.get("serve"), after.get("serve"))
    after["rules"] = _rules(before.get("rules"), after.get("rules"))
    if "layer" in after:
        after["layer"] = _slice(after["layer"], document, key)
    return after


def _rules(before: Any, sent: Any) -> Any:
    if not isinstance(sent, list):
        return sent if sent is not None else []
    old = {rule["id"]: rule for rule in before or () if isinstance(rule, dict)}
    found = []
    for rule in sent:
        if isinstance(rule, dict):
            identity = rule.get("id") or secrets.token_hex(4)
            served = old[identity].get("serve") if isinstance(identity, str) and identity in old else None
            rule = {**rule, "id": identity, "serve": _kept(served, rule.get("serve"))}  # noqa: PLW2901 - as it is stored
        found.append(rule)
    return found


def _kept(before: Any, sent: Any) -> Any:
    """A split with the pieces of each share: as they were, as far as the percentages allow, whatever pieces were sent."""
    shares = sent.get("split") if isinstance(sent, dict) else None
    if not isinstance(shares, list):
        return sent
    try:
        wanted = {share["variant"]: buckets_in(share["percentage"]) for share in shares}
    except (TypeError, KeyError, ValueError, OverflowError):
        return sent
    if len(wanted) != len(shares) or sum(wanted.values()) != BUCKETS:
        return sent
    # Somebody put into buckets by another attribute is nobody who could keep anything.
    same = isinstance(before, dict) and before.get("by") == sent.get("by")
    old = {share["variant"]: share.get("pieces", []) for share in before.get("split", ())} if same else {}
    pieces = handed_over({name: [(start, end) for start, end in of] for name, of in old.items()}, wanted)
    return {
        **sent,
        "split": [{**share, "pieces": [list(piece) for piece in pieces[share["variant"]]]} for share in shares],
    }


def _slice(sent: Any, document: Document, key: str) -> Any:
    """The flag's slice of a layer, of what the other flags in it leave."""
    try:
        count = buckets_in(sent["percentage"])
        layer = str(sent["key"])
    except (TypeError, KeyError, ValueError, OverflowError):
        return sent
    slices = layer_slices(document, layer)
    others = {flag: sum(end - start for start, end in pieces) for flag, pieces in slices.items() if flag != key}
    left = BUCKETS - sum(others.values())
    if count > left:
        raise FlagInvalid(f"The other flags leave {left / 1000:g} % of the layer {layer!r}.", field="layer.percentage", limit=left / 1000)
    pieces = handed_over(slices, {**others, key: count})[key]
    return {"key": layer, "percentage": sent["percentage"], "pieces": [list(piece) for piece in pieces]}
