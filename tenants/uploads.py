"""What a client hands in: an upload and a worker's settings, as plain values.

Owns the shapes between the APIs (which parse two dialects into them) and the services. Must not check anything: `bindings`, `manifest` and
the sandbox's bundle do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from sandbox.bundle import ModuleKind

SOURCE_MAP = "source_map"
_KINDS = {ModuleKind.JS: "js", ModuleKind.TEXT: "text", ModuleKind.DATA: "data", ModuleKind.JSON: "json", ModuleKind.WASM: "wasm"}
_BY_NAME = {name: kind for kind, name in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class UploadModule:
    """One part of an upload. `kind` None is a source map: kept for stack traces, never run."""

    name: str
    kind: ModuleKind | None
    content: bytes = field(repr=False)
    # As the client named it, given back on download.
    content_type: str = ""

    @property
    def kind_name(self) -> str:
        """The kind as rows store it."""
        return SOURCE_MAP if self.kind is None else _KINDS[self.kind]


def kind_of(name: str) -> ModuleKind | None:
    """The kind a row's name stands for."""
    return None if name == SOURCE_MAP else _BY_NAME[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A version to be made. Bindings are Cloudflare's shapes, `inherit` included."""

    main_module: str
    modules: Sequence[UploadModule]
    bindings: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    # Types of bindings to take over from the newest version where this upload does not name them.
    keep_bindings: Sequence[str] = ()
    # Whether an `inherit` that finds nothing refuses the upload (else it is left out with a warning).
    inherit_strict: bool = False
    compatibility_date: str | None = None
    compatibility_flags: Sequence[str] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    tag: str = ""
    annotations: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Settings that no version carries; None leaves one as it is."""

    tags: Sequence[str] | None = None
    logpush: bool | None = None
    observability: Mapping[str, Any] | None = None
    tail_consumers: Sequence[Mapping[str, Any]] | None = None
    subdomain_enabled: bool | None = None
    previews_enabled: bool | None = None
    mode: Literal["reuse", "fresh"] | None = None
    limits: Mapping[str, Any] | None = None
    migration_tag: str | None = None
    gate_deploys: bool | None = None
    sticky: str | None = None
    version_headers: Literal["trusted", "stripped"] | None = None
    # {} keeps every version.
    retention: Mapping[str, Any] | None = None

    def changes(self) -> dict[str, Any]:
        """Field -> value of what is set."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None}
