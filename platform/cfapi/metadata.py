"""Judges an upload's metadata: what a version takes from it, what the worker's settings take, and what is refused.

Owns the list of Cloudflare's metadata keys. Each is used, refused with a code, or answered with a message that it has no
effect here; none is dropped in silence. Must not judge bindings beyond their shape (tenants.services does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cfapi.errors import FeatureUnsupported, MetadataInvalid
from cfapi.fields import Fields
from cfapi.upload import ReadUpload
from tenants.uploads import Upload, WorkerSettings

_USED = frozenset(
    {
        "main_module",
        "bindings",
        "keep_bindings",
        "compatibility_date",
        "compatibility_flags",
        "limits",
        "annotations",
        "tags",
        "logpush",
        "observability",
        "tail_consumers",
        "migrations",
        "migration_tag",
    }
)
# What an upload takes over when it does not say: wrangler 4.86 does not, and its users' secrets survive (workers-sdk pull request 5296).
IMPLICIT_KEEP = ("secret_text", "secret_key")
# What asks for something that Hostel cannot do: refused unless it is empty.
_REFUSED: Mapping[str, str] = {
    "assets": "static assets",
    "containers": "containers",
    "exports": "Durable Objects (exports)",
    "migrations": "Durable Objects (migrations)",
    "streaming_tail_consumers": "streaming tails",
}
# Hints to Cloudflare's own network, and records of what a bundler saw: harmless to leave out, so no message either.
_HINTS = frozenset(
    {
        "body_part",
        "cache_options",
        "capnp_schema",
        "code_update_strategy",
        "keep_assets",
        "package_dependencies",
        "placement",
        "usage_model",
    }
)
_MIGRATION_TAGS = frozenset({"old_tag", "new_tag", "tag"})


@dataclass(frozen=True, slots=True)
class Judged:
    """What the services get, and what the caller should be told."""

    upload: Upload
    settings: WorkerSettings
    messages: tuple[str, ...]


def judge(read: ReadUpload, *, inherit_strict: bool) -> Judged:
    """The upload that `read` asks for. Raises MetadataInvalid (field named) and FeatureUnsupported (feature named)."""
    metadata = read.metadata
    refuse_unsupported(metadata)
    fields = fields_of(metadata)
    main = fields.text("main_module")
    if not main:
        raise MetadataInvalid("The metadata names no main_module.", field="metadata.main_module")
    annotations = fields.texts_by_name("annotations")
    kept = fields.strings("keep_bindings")
    upload = Upload(
        main_module=main,
        modules=read.modules,
        bindings=tuple(fields.objects("bindings") or ()),
        keep_bindings=IMPLICIT_KEEP if kept is None else tuple(kept),
        inherit_strict=inherit_strict,
        compatibility_date=fields.text("compatibility_date"),
        compatibility_flags=tuple(fields.strings("compatibility_flags") or ()),
        limits=fields.mapping("limits") or {},
        message=annotations.get("workers/message", ""),
        tag=annotations.get("workers/tag", ""),
        annotations=annotations,
    )
    return Judged(upload, worker_settings(metadata), messages(metadata))


def fields_of(metadata: Mapping[str, Any]) -> Fields:
    """The metadata's fields; a wrong one raises MetadataInvalid."""
    return Fields(metadata, error=MetadataInvalid, prefix="metadata.")


def worker_settings(metadata: Mapping[str, Any]) -> WorkerSettings:
    """The settings that are the worker's and not a version's; what is absent stays as it is."""
    fields = fields_of(metadata)
    return WorkerSettings(
        tags=fields.strings("tags"),
        logpush=fields.flag("logpush"),
        observability=fields.mapping("observability"),
        tail_consumers=fields.objects("tail_consumers"),
        migration_tag=_migration_tag(metadata),
    )


def messages(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """One sentence for each key that was accepted and does nothing."""
    unknown = sorted(key for key in metadata if key not in _USED | _REFUSED.keys() | _HINTS)
    found = [f"metadata.{key[:80]} is not known to Hostel and has no effect." for key in unknown]
    if metadata.get("logpush") is True:
        found.append("metadata.logpush is stored; Hostel pushes no logs yet.")
    return tuple(found)


def refuse_unsupported(metadata: Mapping[str, Any]) -> None:
    """Raise FeatureUnsupported for a key that asks for what Hostel cannot do; clients send them empty, too."""
    for key, feature in _REFUSED.items():
        value = metadata.get(key)
        if key == "migrations" and isinstance(value, Mapping):
            value = [content for name, content in value.items() if name not in _MIGRATION_TAGS and content]
        if value:
            raise FeatureUnsupported(f"Hostel does not offer {feature} yet.", field=f"metadata.{key}", feature=key)


def _migration_tag(metadata: Mapping[str, Any]) -> str | None:
    migrations = metadata.get("migrations")
    tag = migrations.get("new_tag") if isinstance(migrations, Mapping) else None
    return tag if isinstance(tag, str) else None
