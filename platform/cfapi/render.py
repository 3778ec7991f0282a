"""Rows as the JSON that Cloudflare's clients expect.

Owns the shapes recorded from the real clients (tests/cfapi/recordings). Must not read rows beyond those it is handed, except
through selectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tenants import selectors
from tenants.models import Deployment, Domain, Namespace, Tenant, Version, Worker

# Cloudflare's only environment for workers of today.
ENVIRONMENT = "production"
USAGE_MODEL = "standard"
# What set a version or deployment off; wrangler knows upload, secret, promotion and rollback.
TRIGGER = "workers/triggered_by"


def source_of(request: HttpRequest) -> str:
    """Which client is asking; wrangler shows it, and warns when the last one was not wrangler."""
    agent = request.headers.get("User-Agent", "").lower()
    return "wrangler" if agent.startswith("wrangler/") else "api"


def moment(value: datetime) -> str:
    """A time as Cloudflare writes it: UTC with microseconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def host_of(worker: Worker, tenant: Tenant) -> str:
    """The host name at which the worker answers by default."""
    return f"{worker.name}.{tenant.slug}.{settings.HOSTEL.base_domain}"


def script(worker: Worker, version: Version | None) -> dict[str, Any]:
    """The script object of uploads, services and the list of scripts; `version` is the one it speaks of."""
    found: dict[str, Any] = {
        "id": worker.name,
        "tag": worker.tag,
        "tags": worker.tags,
        "created_on": moment(worker.created),
        "modified_on": moment(worker.modified),
        "usage_model": USAGE_MODEL,
        "logpush": worker.logpush,
        "observability": worker.observability,
        "tail_consumers": worker.tail_consumers,
        "migration_tag": worker.migration_tag or None,
        "last_deployed_from": worker.last_deployed_from or "api",
        "has_assets": False,
        "has_modules": True,
    }
    if version is not None:
        found |= {
            "etag": version.sha256,
            "handlers": version.handlers,
            "named_handlers": named_handlers(version),
            "compatibility_date": version.compatibility_date,
            "compatibility_flags": version.compatibility_flags,
            "deployment_id": version.pk.hex,
        }
    return found


def namespace(row: Namespace, *, scripts: int) -> dict[str, Any]:
    """A dispatch namespace with the number of workers in it. Hostel's workers there are never "trusted": they share nothing anyway."""
    return {
        "namespace_id": row.tag,
        "namespace_name": row.name,
        "created_on": moment(row.created),
        "created_by": row.author,
        "modified_on": moment(row.modified),
        "modified_by": row.editor,
        "script_count": scripts,
        "trusted_workers": False,
    }


def dispatch_script(worker: Worker, version: Version | None) -> dict[str, Any]:
    """A worker in a namespace, as wrangler and the SDKs look at it."""
    return {
        "script": script(worker, version),
        "dispatch_namespace": worker.namespace.name if worker.namespace else None,
        "created_on": moment(worker.created),
        "modified_on": moment(worker.modified),
    }


def served_version(worker: Worker, tenant: Tenant) -> Version | None:
    """The version with the largest share of the live deployment; the newest one while there is no deployment."""
    return selectors.versions_served(tenant=tenant, workers=[worker]).get(worker.pk)


def scripts(workers: Sequence[Worker], tenant: Tenant) -> list[dict[str, Any]]:
    """Many workers as lists show them."""
    served = selectors.versions_served(tenant=tenant, workers=workers)
    return [script(worker, served.get(worker.pk)) for worker in workers]


def service(worker: Worker, version: Version | None) -> dict[str, Any]:
    """The worker as a service with one environment."""
    times = {"created_on": moment(worker.created), "modified_on": moment(worker.modified)}
    return {
        "id": worker.name,
        "default_environment": {"environment": ENVIRONMENT, **times, "script": script(worker, version)},
        "environments": [{"environment": ENVIRONMENT, **times}],
        "usage_model": USAGE_MODEL,
        **times,
    }


def worker_object(worker: Worker, tenant: Tenant, *, deployed: datetime | None) -> dict[str, Any]:
    """The worker as the newer /workers/workers routes show it; `subdomain.url` is what wrangler prints."""
    host = host_of(worker, tenant)
    return {
        "id": worker.tag,
        "name": worker.name,
        "created_on": moment(worker.created),
        "updated_on": moment(worker.modified),
        "deployed_on": moment(deployed) if deployed else None,
        "logpush": worker.logpush,
        "tags": worker.tags,
        "observability": worker.observability or {"enabled": False},
        "tail_consumers": worker.tail_consumers,
        "subdomain": {
            **subdomain(worker),
            "url": settings.HOSTEL.origin(host),
            "preview_url_suffix": f"-{host}",
        },
        "references": {"dispatch_namespace_outbounds": [], "domains": [], "durable_objects": [], "queues": [], "workers": []},
    }


def subdomain(worker: Worker) -> dict[str, bool]:
    """Whether the worker answers at its default host."""
    return {"enabled": worker.subdomain_enabled, "previews_enabled": worker.previews_enabled}


def version_head(version: Version) -> dict[str, Any]:
    """A version as lists show it."""
    annotations = {TRIGGER: "upload", **version.annotations}
    if version.message:
        annotations["workers/message"] = version.message
    if version.tag:
        annotations["workers/tag"] = version.tag
    return {
        "id": str(version.pk),
        "number": version.number,
        "metadata": {
            "created_on": moment(version.created),
            "modified_on": moment(version.created),
            "source": version.source or "api",
            "author_id": "",
            "author_email": _address(version.author),
            "hasPreview": False,
        },
        "annotations": annotations,
    }


def version_whole(version: Version, tenant: Tenant) -> dict[str, Any]:
    """A version with its bindings (secrets without their text) and what it runs with."""
    return {
        **version_head(version),
        "resources": {
            "bindings": selectors.version_bindings(tenant=tenant, version=version),
            "script": {
                "etag": version.sha256,
                "handlers": version.handlers,
                "named_handlers": named_handlers(version),
                "last_deployed_from": version.source or "api",
            },
            "script_runtime": {
                "compatibility_date": version.compatibility_date,
                "compatibility_flags": version.compatibility_flags,
                "usage_model": USAGE_MODEL,
                "limits": version.limits,
            },
        },
        "startup_time_ms": version.startup_time_ms,
    }


def named_handlers(version: Version) -> list[dict[str, Any]]:
    """The named entrypoints and their handlers."""
    return [{"name": name, "handlers": list(handlers)} for name, handlers in version.entrypoints.items() if name != "default"]


def deployment(row: Deployment) -> dict[str, Any]:
    """A deployment; percentages are numbers with at most two decimals."""
    annotations = {TRIGGER: "upload", **row.annotations}
    if row.message:
        annotations["workers/message"] = row.message
    return {
        "id": str(row.uuid),
        "source": row.source or "api",
        "strategy": row.strategy,
        "author_email": _address(row.author),
        "created_on": moment(row.created),
        "annotations": annotations,
        "versions": [{"version_id": str(entry.version_id), "percentage": _percentage(entry.weight)} for entry in row.entries.all()],
    }


def domain(row: Domain) -> dict[str, Any]:
    """A custom host name. Hostel has no zones: the name's parent stands for one."""
    return {
        "id": row.pk.hex,
        "hostname": row.hostname,
        "service": row.worker.name,
        "environment": ENVIRONMENT,
        "zone_id": "",
        "zone_name": row.hostname.partition(".")[2],
    }


def script_settings(worker: Worker) -> dict[str, Any]:
    """The settings that are the worker's own."""
    return {
        "logpush": worker.logpush,
        "tags": worker.tags,
        "tail_consumers": worker.tail_consumers or None,
        "observability": worker.observability or {"enabled": False},
    }


def version_settings(worker: Worker, version: Version | None, tenant: Tenant) -> dict[str, Any]:
    """The worker's own settings and those of its newest version."""
    bindings: Sequence[Any] = selectors.version_bindings(tenant=tenant, version=version) if version else ()
    return {
        **script_settings(worker),
        "bindings": list(bindings),
        "compatibility_date": version.compatibility_date if version else None,
        "compatibility_flags": version.compatibility_flags if version else [],
        "limits": version.limits if version else {},
        "usage_model": USAGE_MODEL,
        "placement": {},
        "migration_tag": worker.migration_tag or None,
    }


def _percentage(weight: int) -> int | float:
    return weight // 100 if weight % 100 == 0 else weight / 100


def _address(author: str) -> str:
    """The author where that is a person's address, and nothing where it is a token's name."""
    return author if "@" in author else ""
