"""What a version's content is, as two hashes.

Owns the canonical manifest: equal content has an equal SHA-256 whatever order or boundary it arrived in; and the fingerprint of everything
a start-up image depends on. Must not read blobs or rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.limits import Limits
from tenants.bindings import Binding, canonical
from tenants.uploads import SOURCE_MAP

# Part of every hash: a change of the format makes all earlier hashes strangers instead of lies.
_FORMAT = 1


def module_rows(modules: Sequence[tuple[str, str, str, bytes]]) -> list[dict[str, Any]]:
    """`(name, kind, content type, content)` as `Version.modules` stores them."""
    return [
        {"name": name, "kind": kind, "content_type": content_type, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, kind, content_type, content in modules
    ]


def manifest_sha256(
    *, main: str, modules: Sequence[Mapping[str, Any]], bindings: Sequence[Binding], date: str, flags: Sequence[str]
) -> str:
    """The hash of what a version runs: code and environment, source maps left out, secrets by their keyed digests."""
    return _sha256(
        {
            "format": _FORMAT,
            "main": main,
            "modules": sorted([m["name"], m["kind"], m["sha256"]] for m in modules if m["kind"] != SOURCE_MAP),
            "bindings": canonical(bindings),
            "compatibility_date": date,
            "compatibility_flags": sorted(flags),
        }
    )


def image_fingerprint(
    *, sha256: str, bindings: Sequence[Binding], version_id: str, limits: Limits, modules: Sequence[Mapping[str, Any]] = ()
) -> str:
    """The hash of what an image depends on beside the guest's build.

    The start-up limits are in it, because content that started under generous ones may not under tighter ones; the version's own id is in
    it where a binding hands that id to the code. Source maps are in it because compiled code carries the author's places.
    """
    knows_itself = any(binding["type"] == "version_metadata" for binding in bindings)
    maps = sorted([m["name"], m["sha256"]] for m in modules if m["kind"] == SOURCE_MAP)
    return _sha256(
        {
            "format": _FORMAT,
            **({"source_maps": maps} if maps else {}),
            "sha256": sha256,
            "version": version_id if knows_itself else "",
            "startup_cpu_ms": limits.startup_cpu_ms,
            "memory_bytes": limits.memory_bytes,
        }
    )


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()
