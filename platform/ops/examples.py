"""Reads a worker's folder the way `wrangler deploy` would, for the few settings the examples use.

Owns the shape of `wrangler.json` as far as Hostel's own examples need it. Must not reach the database: ops.seed does the upload.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.bundle import ModuleKind
from sandbox.languages import LANGUAGES
from tenants.uploads import Upload, UploadModule

# What a file beside the main module is to an import, by its ending; others are not part of the worker.
KINDS: Mapping[str, ModuleKind] = {
    ".js": ModuleKind.JS,
    ".mjs": ModuleKind.JS,
    **dict.fromkeys(LANGUAGES, ModuleKind.JS),
    ".txt": ModuleKind.TEXT,
    ".html": ModuleKind.TEXT,
    ".bin": ModuleKind.DATA,
    ".wasm": ModuleKind.WASM,
}


@dataclass(frozen=True, slots=True)
class Example:
    """A folder with a worker in it, ready to upload."""

    name: str
    upload: Upload
    # SHA-256 over settings and files: equal for equal content.
    fingerprint: str


def read(folder: Path) -> Example:
    """The worker in `folder`: `wrangler.json`, and the modules in and below the main module's folder."""
    settings: dict[str, Any] = json.loads((folder / "wrangler.json").read_text())
    main = folder / settings["main"]
    modules = [
        UploadModule(name=path.relative_to(main.parent).as_posix(), kind=KINDS[path.suffix], content=path.read_bytes())
        for path in sorted(main.parent.rglob("*"))
        if path.suffix in KINDS and path.is_file() and "node_modules" not in path.parts
    ]
    upload = Upload(
        main_module=main.name,
        modules=modules,
        bindings=_bindings(settings),
        compatibility_date=settings.get("compatibility_date"),
        compatibility_flags=settings.get("compatibility_flags", ()),
    )
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for module in modules:
        digest.update(f"{module.name}\0{len(module.content)}\0".encode() + module.content)
    return Example(settings["name"], upload, digest.hexdigest())


def _bindings(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = []
    for name, value in settings.get("vars", {}).items():
        shape = {"type": "plain_text", "text": value} if isinstance(value, str) else {"type": "json", "json": value}
        described.append({"name": name, **shape})
    described += [{"name": loader["binding"], "type": "worker_loader"} for loader in settings.get("worker_loaders", ())]
    described += [_dispatch(binding) for binding in settings.get("dispatch_namespaces", ())]
    if "version_metadata" in settings:
        described.append({"name": settings["version_metadata"]["binding"], "type": "version_metadata"})
    return described


def _dispatch(binding: Mapping[str, Any]) -> dict[str, Any]:
    described = {"name": binding["binding"], "type": "dispatch_namespace", "namespace": binding["namespace"]}
    if outbound := binding.get("outbound"):
        described["outbound"] = {"service": outbound["service"], "params": outbound.get("parameters", [])}
    return described


def annotated(example: Example, annotations: Mapping[str, str]) -> Upload:
    """The example's upload with `annotations` on the version it makes."""
    return replace(example.upload, annotations=dict(annotations), message="Seeded with the demo tenant.")
