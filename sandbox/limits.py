"""What a worker may use.

Owns the limits' names, units, defaults and the one rule of inheritance: whoever comes later (a version, a call) may only lower what it
inherits. Who comes before, and what an operator may raise, is the platform's. Must not enforce anything: the scheduler and the bindings do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from sandbox.errors import BundleInvalid

MIB = 1024 * 1024
# No limit can be set higher: what is larger has no meaning, and exact in every language's numbers this still is.
MOST = 10**15


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one worker; every value is a positive integer in the unit its name says.

    Defaults are Hostel's own where an interpreter differs from V8, else those of Cloudflare's paid plan
    (limits page of 2026-07-28): 128 MB, 64 MiB of code, 1 s of start-up.
    """

    # CPU time of one request, over all of its turns.
    cpu_ms: int = 1_000
    # CPU time of the top level, when a version is made.
    startup_cpu_ms: int = 1_000
    # From the request's arrival to the end of its response and its waitUntil promises.
    wall_ms: int = 60_000
    # Linear memory of one instance (the guest itself takes 6.4 MiB of it).
    memory_bytes: int = 128 * MIB
    # fetch() calls and calls of other workers, per request.
    subrequests: int = 50
    # Modules of one version, uncompressed, together.
    code_bytes: int = 64 * MIB
    # Bytes of the environment of one version, as JSON.
    env_bytes: int = MIB
    # Body of one incoming request.
    request_bytes: int = 100 * MIB
    # Console output kept for one request.
    log_bytes: int = 256 * 1024
    # Requests of one tenant under way at once in one gateway process.
    concurrency: int = 200

    def lowered_by(self, override: Mapping[str, Any]) -> Self:
        """These limits with every value in `override` that is lower; higher ones change nothing.

        Unknown names and values that are no positive integer up to `MOST` raise `BundleInvalid` naming the field.
        """
        if not override:
            return self
        names = {field.name for field in fields(self)}
        changed: dict[str, int] = {}
        for name, value in override.items():
            if name not in names:
                raise BundleInvalid(f"There is no limit called {str(name)[:80]!r}.", field=f"limits.{str(name)[:80]}")
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
                raise BundleInvalid(f"The limit {name} must be a positive integer, at most {MOST}.", field=f"limits.{name}", limit=MOST)
            changed[name] = min(value, getattr(self, name))
        return type(self)(**{name: changed.get(name, getattr(self, name)) for name in names})

    def as_dict(self) -> dict[str, int]:
        """Name -> value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
