"""Rulesets out of the database, without reading again what has not changed.

Owns the questions that the gateway's cache and the control plane ask. Whether it is still the same is one small question; a
document is read when it is not. Must not decide for how long something may be remembered: the gateway goes by the epoch.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from flags.evaluation.ruleset import Ruleset
from flags.models import FlagEnvironment
from flags.services.environments import DEFAULTS
from tenants.models import Tenant

_KEPT = 64
_known: OrderedDict[tuple[int, str], Ruleset] = OrderedDict()
_lock = Lock()


def ruleset_document(*, tenant: Tenant | int, environment: str) -> bytes | None:
    """The document that is evaluated; None where there is no such environment."""
    tenant_id = tenant if isinstance(tenant, int) else tenant.pk
    rows = FlagEnvironment.objects.filter(tenant=tenant_id, name=environment)
    text = rows.values_list("ruleset", flat=True).first()
    if text is None:
        return _unwritten(environment) if _has_default(tenant_id, environment) else None
    return text.encode()


def ruleset_load(*, tenant: Tenant | int, environment: str, known: Ruleset | None = None) -> Ruleset | None:
    """The ruleset, `known` itself where it is still the same; None where there is no such environment."""
    tenant_id = tenant if isinstance(tenant, int) else tenant.pk
    rows = FlagEnvironment.objects.filter(tenant=tenant_id, name=environment)
    if known is not None and known.mark is not None and rows.values_list("mark", flat=True).first() == known.mark:
        return known
    found = rows.values_list("mark", "ruleset").first()
    if found is None:
        return Ruleset(_unwritten(environment)) if _has_default(tenant_id, environment) else None
    made = Ruleset(found[1], known)
    made.mark = found[0]
    return made


def ruleset(*, tenant: Tenant, environment: str) -> Ruleset | None:
    """The same, remembered in this process: for the control plane, whose answers are never stale."""
    place = (tenant.pk, environment)
    with _lock:
        known = _known.get(place)
    found = ruleset_load(tenant=tenant, environment=environment, known=known)
    with _lock:
        if found is None:
            _known.pop(place, None)
        else:
            _known[place] = found
            _known.move_to_end(place)
            while len(_known) > _KEPT:
                _known.popitem(last=False)
    return found


def _has_default(tenant_id: int, environment: str) -> bool:
    """Whether it is one of those that every tenant has until it changes them."""
    return environment in DEFAULTS and not FlagEnvironment.objects.filter(tenant=tenant_id).exists()


def _unwritten(environment: str) -> bytes:
    return b'{"format":1,"environment":"%s"}' % environment.encode()
