"""Which limit applies: platform -> plan -> tenant -> worker -> version, each of which may only lower; and the operator's overrides.

Owns the rule and its explanation (docs/decisions/0009). Pure but for the platform's own values, which are settings. What can be limited at
all is `tenants.definitions`; what is stored of a tenant is read by `tenants.grants`.

The operator's override of a tenant stands in the plan's place, that of a worker in the place of whatever came out for the tenant; neither
passes the platform's value. What tenant, worker and version have set for themselves still lowers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.utils import timezone

from sandbox.limits import Limits
from tenants.definitions import DEFINITIONS, LIMIT_NAMES, REQUEST_QUOTAS, Level

# None is no limit at all; only quotas have that.
Value = int | None
_NOTHING: Mapping[str, Any] = {}


class OverrideRow(Protocol):
    """What is needed of `tenants.models.LimitOverride`."""

    name: str
    value: int
    worker_id: int | None
    expires_at: datetime | None

    def active(self, now: datetime) -> bool:
        """Whether it counts at `now`."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What one level says of one limit. `override` is the row behind it where the level is `override`."""

    level: Level
    value: Value
    override: Any = None


@dataclass(frozen=True, slots=True)
class EffectiveLimits:
    """What applies.

    `values` holds every limit and quota, `decided` who set each; `said` what every level says, in the order they are asked (levels that say
    nothing are left out). `expires` is when the next override ends by itself; then this is no longer true.
    """

    limits: Limits
    values: Mapping[str, Value]
    decided: Mapping[str, Said]
    said: Mapping[str, Sequence[Said]]
    expires: datetime | None = None

    @property
    def sources(self) -> dict[str, Level]:
        """The level that set each."""
        return {name: said.level for name, said in self.decided.items()}

    def request_quotas(self) -> tuple[tuple[str, int], ...]:
        """Name and value of each quota of requests that there is, the shortest period first."""
        return tuple((name, value) for name in REQUEST_QUOTAS if (value := self.values[name]) is not None)


def effective(
    *,
    plan: Mapping[str, int] | None = None,
    tenant: Mapping[str, Any] | None = None,
    worker: Mapping[str, Any] | None = None,
    version: Mapping[str, Any] | None = None,
    overrides: Sequence[OverrideRow] = (),
    now: datetime | None = None,
) -> EffectiveLimits:
    """What applies at `now` under what each level says. Raises `sandbox.errors.BundleInvalid` naming a field of `version` that is no limit.

    `overrides` may be the tenant's and those of the worker in question, expired ones included; never another worker's.
    """
    if version:
        Limits().lowered_by(version)
    now = now or timezone.now()
    standing = [row for row in overrides if row.active(now)]
    of_tenant = {row.name: row for row in standing if row.worker_id is None}
    of_worker = {row.name: row for row in standing if row.worker_id is not None}
    platform = settings.HOSTEL.platform_values
    values: dict[str, Value] = {}
    decided: dict[str, Said] = {}
    explained: dict[str, Sequence[Said]] = {}
    for name in DEFINITIONS:
        said = [Said("platform", platform[name])]
        _level(said, "plan", name, plan)
        _override(said, of_tenant.get(name))
        _level(said, "tenant", name, tenant)
        _override(said, of_worker.get(name))
        _level(said, "worker", name, worker)
        _level(said, "version", name, version)
        decided[name] = _decided(said)
        values[name] = decided[name].value
        explained[name] = said
    ends = [row.expires_at for row in standing if row.expires_at is not None]
    limits = Limits(**{name: values[name] for name in LIMIT_NAMES})  # type: ignore[arg-type]  # limits of the sandbox always have a value
    return EffectiveLimits(limits, values, decided, explained, min(ends, default=None))


def lower(one: Value, other: Value) -> bool:
    """Whether `one` allows less than `other`."""
    return one is not None and (other is None or one < other)


def _level(said: list[Said], level: Level, name: str, values: Mapping[str, Any] | None) -> None:
    value = (values or _NOTHING).get(name)
    if value is not None and level in DEFINITIONS[name].levels:
        said.append(Said(level, value))


def _override(said: list[Said], row: OverrideRow | None) -> None:
    if row is not None:
        said.append(Said("override", row.value, row))


def _decided(said: Sequence[Said]) -> Said:
    ceiling = winner = said[0]
    for one in said[1:]:
        if one.level == "override":
            # The platform's value may have been lowered since the override was made.
            winner = ceiling if lower(ceiling.value, one.value) else one
        elif lower(one.value, winner.value):
            winner = one
    return winner
