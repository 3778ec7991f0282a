"""Flags that could go: nobody asks for them any more, or everybody gets the same.

Owns the findings. How often a flag was evaluated is known further up (experiments count it) and handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.utils import timezone

from flags.evaluation.scalars import moment_of
from flags.models import Flag, FlagState
from flags.selectors.rows import flag_states
from tenants.models import Tenant, Version

Why = Literal["unused", "rolled_out", "switched_off", "dead_rules", "version_gone"]


@dataclass(frozen=True, slots=True)
class Used:
    """Evaluations of a flag in an environment: how many in the time that was looked at, and when last."""

    count: int
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to look at a flag. `rules` are ids of rules that can never decide."""

    flag: str
    environment: str
    why: Why
    sentence: str
    days: int
    rules: tuple[str, ...] = ()


def stale_flags(
    *, tenant: Tenant, days: int = 30, used: Mapping[tuple[str, str], Used] | None = None, now: datetime | None = None
) -> list[Finding]:
    """Findings for flags that have not changed for `days`; permanent flags are left out.

    `used` has evaluations by (environment, flag) of the last `days`; None where nobody has counted.
    """
    moment = now or timezone.now()
    flags = list(Flag.objects.filter(tenant=tenant, permanent=False).order_by("key"))
    states = flag_states(flags=flags)
    gone = _versions_gone(tenant, flags)
    found: list[Finding] = []
    for flag in flags:
        for state in states[flag.pk]:
            age = (moment - state.modified).days
            if flag.key in gone:
                found.append(_finding(flag, state, "version_gone", f"names a version that is no more: {gone[flag.key]}", age))
            if rules := _dead_rules(state, moment):
                found.append(_finding(flag, state, "dead_rules", f"{len(rules)} of its rules can never decide", age, rules=rules))
            if moment - state.modified < timedelta(days=days):
                continue
            if used is not None and (state.environment.name, flag.key) not in used:
                found.append(
                    _finding(
                        flag,
                        state,
                        "unused",
                        f"has not been asked for by a worker or a gateway for {days} days (OFREP is not counted)",
                        age,
                    )
                )
            elif line := _same_for_all(flag, state, age):
                found.append(line)
    return found


def _same_for_all(flag: Flag, state: FlagState, age: int) -> Finding | None:
    document = state.document
    if not state.enabled or state.killed:
        return _finding(flag, state, "switched_off", f"has been switched off for {age} days", age)
    if document.get("rules") or document.get("layer") or document.get("prerequisites"):
        return None
    variant = _whole(document.get("serve"))
    return _finding(flag, state, "rolled_out", f"serves “{variant}” to everybody, for {age} days", age) if variant else None


def _whole(serve: Any) -> str | None:
    """The one variant that everybody gets."""
    if not isinstance(serve, dict):
        return None
    whole = next((share["variant"] for share in serve.get("split", ()) if share["percentage"] == 100), None)  # noqa: PLR2004 - all
    return serve.get("variant") or whole


def _dead_rules(state: FlagState, now: datetime) -> tuple[str, ...]:
    """Rules whose time is over, or that come after one for everybody."""
    dead, closed = [], False
    for rule in state.document.get("rules", ()):
        until = rule.get("until")
        end = moment_of(until) if until is not None else None
        over = end is not None and end <= now.timestamp()
        if closed or over:
            dead.append(rule["id"])
        elif rule.get("when") is None and rule.get("from") is None and until is None:
            closed = True
    return tuple(dead)


def versions_gone(*, flag: Flag) -> list[str]:
    """Variants of a flag that name a version which is no more."""
    if flag.type != "version":
        return []
    there = {
        str(pk)
        for pk in Version.objects.filter(tenant=flag.tenant_id, pk__in=[value["version"] for value in flag.variants.values()]).values_list(
            "pk", flat=True
        )
    }
    return [name for name, value in flag.variants.items() if value["version"] not in there]


def _versions_gone(tenant: Tenant, flags: list[Flag]) -> dict[str, str]:
    named = {value["version"]: flag.key for flag in flags if flag.type == "version" for value in flag.variants.values()}
    there = {str(pk) for pk in Version.objects.filter(tenant=tenant, pk__in=named).values_list("pk", flat=True)}
    return {key: version for version, key in named.items() if version not in there}


def _finding(flag: Flag, state: FlagState, why: Why, sentence: str, days: int, *, rules: tuple[str, ...] = ()) -> Finding:
    return Finding(flag.key, state.environment.name, why, f"{flag.key} {sentence}.", days, rules)
