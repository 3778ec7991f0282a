"""What can be limited: every limit and quota, with its unit, its bounds, who may set it and what a breach does.

Owns the list, which plans, overrides, both APIs and the documentation share. Knows neither Django nor a database; must not enforce
anything: the sandbox keeps limits of a request, services keep counts, the gateway keeps visitors' requests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sandbox.limits import MOST, Limits
from tenants.errors import LimitInvalid

# `request`: of one invocation or one version. `count`: how many there may be. `rate`: how many in a period.
Kind = Literal["request", "count", "rate"]
# Who may say something, in the order they are asked; an override is the operator's.
Level = Literal["platform", "plan", "override", "tenant", "worker", "version"]
LEVELS: Final[tuple[Level, ...]] = ("platform", "plan", "override", "tenant", "worker", "version")
PeriodName = Literal["minute", "hour", "day", "month"]


@dataclass(frozen=True, slots=True)
class Breach:
    """What happens past a limit, in words; the error's code and status unless nobody is refused, and the invocation's outcome if any."""

    code: str | None
    status: int | None
    what: str
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """One thing that can be limited. `least` and `most` bound what may be set."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    breach: Breach
    least: int = 1
    most: int = MOST
    period: PeriodName | None = None
    # Which levels below the plan may lower it, beside the operator's override of a tenant.
    levels: frozenset[Level] = frozenset({"platform", "plan", "override", "tenant"})
    # Whether an operator may override it for one worker.
    per_worker: bool = False

    def check(self, value: Any, *, field: str) -> int:
        """`value` itself; raises `LimitInvalid` for anything but a whole number within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.least <= value <= self.most:
            raise LimitInvalid(f"{self.name} must be a whole number from {self.least} to {self.most}.", field=field, limit=self.most)
        return value


_REQUEST: Final[frozenset[Level]] = frozenset(LEVELS)
_UPLOAD_REFUSED: Final = Breach("bundle_invalid", 400, "the upload is refused")


def _limit(name: str, unit: str, meaning: str, breach: Breach) -> Definition:
    return Definition(name, "request", unit, meaning, breach, levels=_REQUEST, per_worker=True)


def _quota(name: str, unit: str, meaning: str, *, what: str, least: int = 1) -> Definition:
    return Definition(name, "count", unit, meaning, Breach("quota_exceeded", 403, what), least=least)


_DEPLOYMENTS: Final = Definition(
    "deployments_per_hour",
    "rate",
    "deployments",
    "Deployments in the last 60 minutes.",
    Breach("deployments_exceeded", 429, "deploying is refused, with Retry-After"),
    period="hour",
)


def _requests(period: PeriodName) -> Definition:
    breach = Breach("tenant_requests_exceeded", 429, f"visitors are refused until the {period} is over, with Retry-After")
    meaning = f"Visitors' requests in a {period} (UTC)."
    return Definition(f"requests_per_{period}", "rate", "requests", meaning, breach, period=period)


_ALL: Final = (
    _limit(
        "cpu_ms",
        "ms",
        "CPU time of one request, over all of its turns.",
        Breach("worker_exceeded_cpu", 503, "the request is stopped", "exceededCpu"),
    ),
    _limit("startup_cpu_ms", "ms", "CPU time of the top level.", Breach("startup_cpu_exceeded", 400, "the upload is refused")),
    _limit(
        "wall_ms",
        "ms",
        "From a request's arrival to the end of its response and its waitUntil promises.",
        Breach("worker_exceeded_wall_time", 504, "the request is stopped", "exceededWallTime"),
    ),
    _limit(
        "memory_bytes",
        "bytes",
        "Linear memory of one instance.",
        Breach("worker_exceeded_memory", 503, "the instance is dropped, its requests fail", "exceededMemory"),
    ),
    _limit(
        "subrequests",
        "calls",
        "fetch() calls and calls of other workers, per request.",
        Breach("worker_exception", 500, "the call rejects; uncaught, it is the worker's exception", "exception"),
    ),
    _limit("code_bytes", "bytes", "Modules of one version, uncompressed, together.", _UPLOAD_REFUSED),
    _limit("env_bytes", "bytes", "The environment of one version, as JSON.", _UPLOAD_REFUSED),
    _limit("request_bytes", "bytes", "Body of one incoming request.", Breach("request_body_too_large", 413, "the request is refused")),
    _limit("log_bytes", "bytes", "Console output kept for one request.", Breach(None, None, "further lines are counted, not kept")),
    _limit(
        "concurrency",
        "requests",
        "Requests of one tenant under way at once in one gateway process.",
        Breach("tenant_concurrency_exceeded", 429, "twice as many wait, then requests are refused"),
    ),
    _quota("workers", "workers", "Workers outside of namespaces.", what="making another one is refused"),
    _quota("workers_per_namespace", "workers", "Workers in one namespace.", what="making another one is refused"),
    _quota("namespaces", "namespaces", "Namespaces of the tenant.", what="making another one is refused", least=0),
    _quota("versions_per_worker", "versions", "Versions one worker keeps.", what="uploads and changes of secrets are refused"),
    _quota("stored_bytes", "bytes", "Modules of all versions, each counted whole.", what="uploads are refused"),
    _quota("domains", "host names", "Host names of the tenant's own.", what="adding another one is refused", least=0),
    _quota("flags", "flags", "Feature flags.", what="making another one is refused", least=0),
    _quota("flag_segments", "segments", "Segments of feature flags.", what="making another one is refused", least=0),
    _quota("tokens", "tokens", "API tokens that are neither revoked nor expired.", what="making another one is refused"),
    _DEPLOYMENTS,
    _requests("minute"),
    _requests("day"),
    _requests("month"),
)
DEFINITIONS: Final[Mapping[str, Definition]] = {definition.name: definition for definition in _ALL}
LIMIT_NAMES: Final = tuple(name for name, definition in DEFINITIONS.items() if definition.kind == "request")
QUOTA_NAMES: Final = tuple(name for name, definition in DEFINITIONS.items() if definition.kind != "request")
# Kept at the gateway, the shortest period first.
REQUEST_QUOTAS: Final = tuple(name for name in QUOTA_NAMES if name.startswith("requests_per_"))


def checked(values: Mapping[str, Any], *, level: Level, prefix: str = "limits.") -> dict[str, int]:
    """`values` as `level` may say them; raises `LimitInvalid` naming the field: unknown, another level's, no number, out of bounds."""
    found: dict[str, int] = {}
    for name, value in values.items():
        field = f"{prefix}{str(name)[:80]}"
        definition = DEFINITIONS.get(name)
        if definition is None:
            raise LimitInvalid(f"There is no limit called {str(name)[:80]!r}.", field=field)
        if level not in definition.levels:
            raise LimitInvalid(f"{name} cannot be set for a {level}.", field=field)
        found[name] = definition.check(value, field=field)
    return found


# As `RateLimit-Policy` says it; a month's is that of 30 days.
PERIOD_SECONDS: Final[Mapping[PeriodName, int]] = {"minute": 60, "hour": 3_600, "day": 86_400, "month": 2_592_000}


def window_ends(period: PeriodName, now: float) -> int:
    """When the period that `now` is in ends, both in seconds since 1970: periods are aligned to UTC, months are the calendar's."""
    if period != "month":
        seconds = PERIOD_SECONDS[period]
        return (math.floor(now / seconds) + 1) * seconds
    first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return int((first + timedelta(days=32)).replace(day=1).timestamp())


assert set(LIMIT_NAMES) == set(Limits().as_dict()), "the sandbox and this list name the same limits"
