"""What a version's bindings lead to.

Owns the reading of binding descriptors (docs/protocol.md, LOAD) as far as the gateway has a part in them: services, dispatch namespaces and
flags. Must not follow them (targets.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self


@dataclass(frozen=True, slots=True)
class BoundNamespace:
    """A dispatch binding."""

    namespace: str
    # The worker that every fetch() of a dispatched worker goes through; "" for none.
    outbound: str = ""
    # Names of what a dispatcher may hand to it.
    parameters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Bound:
    """The bindings of one version, by their names."""

    # To (worker, entrypoint).
    services: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    namespaces: Mapping[str, BoundNamespace] = field(default_factory=dict)
    # To the environment of flags.
    flags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, env: Iterable[Mapping[str, Any]]) -> Self:
        """What is bound in a bundle's environment."""
        services: dict[str, tuple[str, str]] = {}
        namespaces: dict[str, BoundNamespace] = {}
        flags: dict[str, str] = {}
        for binding in env:
            if binding["type"] == "service":
                services[binding["name"]] = (binding["service"], binding.get("entrypoint", ""))
            elif binding["type"] == "dispatch_namespace":
                namespaces[binding["name"]] = _namespace(binding)
            elif binding["type"] == "flags":
                flags[binding["name"]] = binding["environment"]
        return cls(services, namespaces, flags)


NOTHING: Final = Bound()


def _namespace(binding: Mapping[str, Any]) -> BoundNamespace:
    outbound = binding.get("outbound")
    if not outbound:
        return BoundNamespace(binding["namespace"])
    return BoundNamespace(binding["namespace"], outbound["worker"]["service"], frozenset(entry["name"] for entry in outbound["params"]))
