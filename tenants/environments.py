"""What a promotion would make of a version: its bindings in another environment, and how that differs from what is there.

Owns the rule of resolution and the comparison. Pure: it is handed rows and reads none.

A binding of a version that is promoted is, in this order:

    the environment's own of that name       variables, secrets and services only
    for a secret: the target worker's own    what has been set there stays there; a secret never travels
    the version's own                        variables, services and everything else travel
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tenants.bindings import ENVIRONMENT_TYPES, SECRET_TYPES, Binding, canonical
from tenants.manifest import manifest_sha256
from tenants.models import Version

Origin = Literal["environment", "worker", "version"]
Change = Literal["added", "removed", "changed", "unchanged", "missing"]
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Carried:
    """A version as it would stand in the target."""

    source: Version
    # Hundredths of a per cent of the target's traffic.
    weight: int
    bindings: Sequence[Binding]
    # Where each binding comes from, by name.
    origins: Mapping[str, Origin]
    # Names of secrets that the target has no value for.
    missing: Sequence[str]
    # Of the canonical manifest; of no meaning while something is missing.
    sha256: str


def carry(version: Version, weight: int, *, environment: Sequence[Binding], standing: Sequence[Binding]) -> Carried:
    """`version` in an environment with bindings of its own, in the place of a worker whose newest version has the bindings `standing`."""
    own = {binding["name"]: binding for binding in environment}
    there = {binding["name"]: binding for binding in standing if binding["type"] in SECRET_TYPES}
    bindings: list[Binding] = []
    origins: dict[str, Origin] = {}
    missing: list[str] = []
    for binding in version.bindings:
        name, secret = binding["name"], binding["type"] in SECRET_TYPES
        if binding["type"] in ENVIRONMENT_TYPES and name in own:
            found, origin = own[name], "environment"
        elif secret and name in there:
            found, origin = there[name], "worker"
        elif secret:
            missing.append(name)
            continue
        else:
            found, origin = binding, "version"
        bindings.append(dict(found))
        origins[name] = origin  # type: ignore[assignment]  # one of the three words above
    sha256 = manifest_sha256(
        main=version.main_module,
        modules=version.modules,
        bindings=bindings,
        date=version.compatibility_date,
        flags=version.compatibility_flags,
    )
    return Carried(version, weight, bindings, origins, missing, sha256)


def code_sha256(version: Version) -> str:
    """The hash of a version's code alone: equal before and after a promotion."""
    return manifest_sha256(main=version.main_module, modules=version.modules, bindings=(), date="", flags=())


def difference(before: Version | None, after: Carried) -> dict[str, Any]:
    """What would change against `before` (None: everything is new), JSON-able. Values of secrets are never in it."""
    source = after.source
    return {
        "code": _pair(code_sha256(before) if before else None, code_sha256(source)),
        "compatibility_date": _pair(before.compatibility_date if before else None, source.compatibility_date),
        "compatibility_flags": _pair(sorted(before.compatibility_flags) if before else None, sorted(source.compatibility_flags)),
        "limits": _limits(before.limits if before else _NOTHING, source.limits),
        "bindings": _bindings(before.bindings if before else (), after),
    }


def fingerprint(facts: Any) -> str:
    """A short hash of everything a preview rests on."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]


def _pair(before: Any, after: Any) -> dict[str, Any]:
    return {"before": before, "after": after, "changed": before != after}


def _limits(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The version's own limits that differ; None is a limit the version does not set."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return [{"name": name, "before": before.get(name), "after": after.get(name)} for name in names]


def _bindings(before: Sequence[Binding], after: Carried) -> list[dict[str, Any]]:
    old = {binding["name"]: binding for binding in before}
    new = {binding["name"]: binding for binding in after.bindings}
    lines: list[dict[str, Any]] = []
    for name in sorted({*old, *new, *after.missing}):
        was, is_now = old.get(name), new.get(name)
        lines.append(
            {
                "name": name,
                # One that is missing is a secret, whatever the target has under its name.
                "type": is_now["type"] if is_now else "secret_text" if name in after.missing else old[name]["type"],
                "change": "missing" if name in after.missing else _change(was, is_now),
                "origin": after.origins.get(name),
                "before": _value(was),
                "after": _value(is_now),
            }
        )
    return lines


def _change(was: Binding | None, is_now: Binding | None) -> Change:
    if was is None or is_now is None:
        return "added" if was is None else "removed"
    return "unchanged" if canonical([was]) == canonical([is_now]) else "changed"


def _value(binding: Binding | None) -> dict[str, Any] | None:
    """What may be shown of a binding beside its name and type; nothing of a secret."""
    if binding is None or binding["type"] in SECRET_TYPES:
        return None
    return {key: value for key, value in binding.items() if key not in ("name", "type")}
