"""Limits as a tenant meets them: platform -> tenant -> worker -> version, each of which may only lower.

Owns the explanation (which layer set which value). The names, units and the rule itself are `sandbox.limits`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings

from sandbox.limits import Limits

Source = Literal["platform", "tenant", "worker", "version"]


@dataclass(frozen=True, slots=True)
class EffectiveLimits:
    """The limits that apply, and for each of them the layer that set it."""

    limits: Limits
    sources: Mapping[str, Source]


def effective(
    *, tenant: Mapping[str, Any], worker: Mapping[str, Any] | None = None, version: Mapping[str, Any] | None = None
) -> EffectiveLimits:
    """The limits under the given overrides; raises `sandbox.errors.BundleInvalid` naming a field that is no limit."""
    limits = settings.HOSTEL.platform_limits
    sources: dict[str, Source] = dict.fromkeys(limits.as_dict(), "platform")
    layers: tuple[tuple[Source, Mapping[str, Any] | None], ...] = (("tenant", tenant), ("worker", worker), ("version", version))
    for source, override in layers:
        if not override:
            continue
        lowered = limits.lowered_by(override)
        before = limits.as_dict()
        sources.update({name: source for name, value in lowered.as_dict().items() if value < before[name]})
        limits = lowered
    return EffectiveLimits(limits, sources)
