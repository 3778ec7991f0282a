"""Ruleset documents as they are stored: one flag, segment or layer put into one without reading the others.

Owns the writing of an environment's `ruleset`. Flags stay bytes, so that one change among 10,000 flags costs a pass over them and no more.
Knows no services.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from flags.evaluation.conditions import Condition
from flags.evaluation.ruleset import FORMAT
from flags.evaluation.segment import compile_segment
from flags.models import Flag, FlagEnvironment, FlagLayer, FlagSegment, FlagState, new_salt


class Document(msgspec.Struct):
    """A ruleset's parts, each as its own bytes."""

    format: int = FORMAT
    environment: str = ""
    revision: int = 0
    flags: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    segments: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    layers: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)

    @classmethod
    def of(cls, environment: FlagEnvironment) -> Document:
        """What is stored."""
        return msgspec.json.decode(environment.ruleset, type=cls)

    def put(self, part: str, key: str, value: Mapping[str, Any] | None) -> None:
        """Replace one of `flags`, `segments` or `layers`; None removes it."""
        held: dict[str, msgspec.Raw] = getattr(self, part)
        if value is None:
            held.pop(key, None)
        else:
            held[key] = msgspec.Raw(msgspec.json.encode(value))

    def save(self, environment: FlagEnvironment) -> None:
        """Store it as the next revision."""
        environment.revision += 1
        environment.mark = new_salt()
        self.revision, self.environment = environment.revision, environment.name
        environment.ruleset = msgspec.json.encode(self).decode()
        environment.save(update_fields=["ruleset", "revision", "mark"])

    def flag(self, key: str) -> dict[str, Any] | None:
        """One flag's document."""
        raw = self.flags.get(key)
        return msgspec.json.decode(raw) if raw is not None else None

    def naming(self, needle: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Flags whose bytes hold `needle`, read."""
        wanted = needle.encode()
        for key, raw in self.flags.items():
            if wanted in bytes(raw):
                yield key, msgspec.json.decode(raw)

    def segment(self) -> Callable[[str], Condition | None]:
        """Compiles segments by their keys."""

        def compiled(key: str) -> Condition | None:
            raw = self.segments.get(key)
            return compile_segment(msgspec.json.decode(raw)) if raw is not None else None

        return compiled

    def layer(self, key: str) -> str | None:
        """A layer's salt."""
        raw = self.layers.get(key)
        return str(msgspec.json.decode(raw)["salt"]) if raw is not None else None


def flag_document(flag: Flag, state: FlagState) -> dict[str, Any]:
    """A flag as the engine reads it."""
    return {
        "type": flag.type,
        "salt": flag.salt,
        "variants": flag.variants,
        **state.document,
        "enabled": state.enabled and not state.killed,
        "revision": state.revision,
    }


def segment_document(segment: FlagSegment) -> dict[str, Any]:
    """A segment as the engine reads it."""
    return {"when": segment.when, "salt": segment.salt}


def layer_document(layer: FlagLayer) -> dict[str, Any]:
    """A layer as the engine reads it."""
    return {"salt": layer.salt}


def empty_document(environment: str) -> str:
    """A ruleset without flags."""
    return msgspec.json.encode(Document(environment=environment)).decode()
