"""Flags, states, segments, layers and environments, as rows."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from flags.models import Flag, FlagEnvironment, FlagLayer, FlagSegment, FlagState
from flags.services.environments import DEFAULTS
from flags.services.layers import layer_of
from flags.services.segments import segment_of
from flags.services.support import all_environments, environment_of, flag_of
from tenants.models import Tenant


def environment_list(*, tenant: Tenant) -> list[FlagEnvironment]:
    """The tenant's environments in their order; those that every tenant begins with, before it has changed anything."""
    found = list(all_environments(tenant).defer("ruleset"))
    return found or [FlagEnvironment(tenant=tenant, name=name, position=number) for number, name in enumerate(DEFAULTS)]


def environment_get(*, tenant: Tenant, name: str) -> FlagEnvironment:
    """One environment. Raises `FlagEnvironmentNotFound`."""
    return next((found for found in environment_list(tenant=tenant) if found.name == name), None) or environment_of(tenant, name)


def flag_list(*, tenant: Tenant, search: str = "") -> QuerySet[Flag]:
    """The tenant's flags by key; `search` is part of the key or the description."""
    rows = Flag.objects.filter(tenant=tenant).order_by("key")
    return rows.filter(Q(key__icontains=search) | Q(description__icontains=search)) if search and "\0" not in search else rows


def flag_get(*, tenant: Tenant, key: str) -> Flag:
    """One flag. Raises `FlagNotFound`."""
    return flag_of(tenant, key)


def public_keys(*, tenant: Tenant, key: str | None = None) -> set[str]:
    """Keys of the flags that web clients may be told of; of one flag only, if it is named."""
    rows = Flag.objects.filter(tenant=tenant, public=True)
    if key is not None:
        rows = rows.filter(key=key) if "\0" not in key else rows.none()
    return set(rows.values_list("key", flat=True))


def flag_states(*, flags: list[Flag]) -> dict[int, list[FlagState]]:
    """The states of some flags, by the flags' ids, in the order of environments."""
    found: dict[int, list[FlagState]] = {flag.pk: [] for flag in flags}
    rows = FlagState.objects.filter(flag__in=flags).select_related("environment").defer("environment__ruleset")
    for state in rows.order_by("environment__position", "environment__name"):
        found[state.flag_id].append(state)
    return found


def flag_state_get(*, tenant: Tenant, key: str, environment: str) -> FlagState:
    """A flag's state in one environment. Raises `FlagNotFound`, `FlagEnvironmentNotFound`."""
    flag, place = flag_of(tenant, key), environment_of(tenant, environment)
    return FlagState.objects.select_related("flag", "environment").defer("environment__ruleset").get(flag=flag, environment=place)


def segment_list(*, tenant: Tenant) -> QuerySet[FlagSegment]:
    """The tenant's segments by key."""
    return FlagSegment.objects.filter(tenant=tenant).order_by("key")


def segment_get(*, tenant: Tenant, key: str) -> FlagSegment:
    """One segment. Raises `SegmentNotFound`."""
    return segment_of(tenant, key)


def layer_list(*, tenant: Tenant) -> QuerySet[FlagLayer]:
    """The tenant's layers by key."""
    return FlagLayer.objects.filter(tenant=tenant).order_by("key")


def layer_get(*, tenant: Tenant, key: str) -> FlagLayer:
    """One layer. Raises `LayerNotFound`."""
    return layer_of(tenant, key)
