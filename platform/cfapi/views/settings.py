"""Settings of a worker: its own, those of its newest version, and its default host name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, JsonResponse

from cfapi import render
from cfapi.endpoint import AccountEndpoint
from cfapi.envelope import succeed
from cfapi.errors import BodyInvalid
from cfapi.fields import Fields
from cfapi.metadata import fields_of, messages, refuse_unsupported, worker_settings
from cfapi.reading import object_of, parts_of
from cfapi.upload import read_settings
from tenants import selectors, services
from tenants.uploads import WorkerSettings

# Key of a binding -> what it must hold; a binding without it stands for the one that is there (wrangler 4.86 `secret bulk`).
_CONTENT = {"plain_text": "text", "secret_text": "text", "json": "json"}
_VERSIONED = ("bindings", "compatibility_date", "compatibility_flags", "limits")


class Settings(AccountEndpoint):
    """`/workers/scripts/{name}/settings`."""

    def get(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """All settings; secrets without their text."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        version = selectors.version_latest(tenant=self.tenant, worker=worker)
        return succeed(render.version_settings(worker, version, self.tenant))

    def patch(self, request: HttpRequest, name: str) -> JsonResponse:
        """Change what the part `settings` names. What belongs to versions makes a version, which is deployed."""
        changes = read_settings(parts_of(request), "settings")
        refuse_unsupported(changes)
        if any(changes.get(key) is not None for key in _VERSIONED):
            fields = fields_of(changes)
            annotations = fields.texts_by_name("annotations")
            services.version_derive(
                tenant=self.tenant,
                worker_name=name,
                bindings=with_inherits(fields.objects("bindings")),
                compatibility_date=fields.text("compatibility_date"),
                compatibility_flags=fields.strings("compatibility_flags"),
                limits=fields.mapping("limits"),
                message=annotations.get("workers/message", ""),
                tag=annotations.get("workers/tag", ""),
                annotations=annotations,
                actor=self.actor,
                source=render.source_of(request),
                deploy=True,
            )
        worker = services.worker_settings_update(tenant=self.tenant, worker_name=name, settings=worker_settings(changes), actor=self.actor)
        version = selectors.version_latest(tenant=self.tenant, worker=worker)
        return succeed(render.version_settings(worker, version, self.tenant), messages=messages(changes))


class ScriptSettings(AccountEndpoint):
    """`/workers/scripts/{name}/script-settings`."""

    def get(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """The worker's own settings."""
        return succeed(render.script_settings(selectors.worker_get(tenant=self.tenant, name=name)))

    def patch(self, request: HttpRequest, name: str) -> JsonResponse:
        """Change those that the body names."""
        changes = object_of(request)
        refuse_unsupported(changes)
        worker = services.worker_settings_update(tenant=self.tenant, worker_name=name, settings=worker_settings(changes), actor=self.actor)
        return succeed(render.script_settings(worker), messages=messages(changes))


class Subdomain(AccountEndpoint):
    """`/workers/scripts/{name}/subdomain`."""

    write_scope = "workers:deploy"

    def get(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """Whether the worker answers at its default host."""
        return succeed(render.subdomain(selectors.worker_get(tenant=self.tenant, name=name)))

    def post(self, request: HttpRequest, name: str) -> JsonResponse:
        """Switch it; previews follow when the body does not name them, as at Cloudflare."""
        body = Fields(object_of(request), error=BodyInvalid)
        enabled = body.flag("enabled")
        if enabled is None:
            raise BodyInvalid("enabled must be true or false.", field="enabled")
        previews = body.flag("previews_enabled")
        return self._set(name, enabled=enabled, previews=enabled if previews is None else previews)

    def delete(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """Switch it off."""
        return self._set(name, enabled=False, previews=False)

    def _set(self, name: str, *, enabled: bool, previews: bool) -> JsonResponse:
        settings = WorkerSettings(subdomain_enabled=enabled, previews_enabled=previews)
        worker = services.worker_settings_update(tenant=self.tenant, worker_name=name, settings=settings, actor=self.actor)
        return succeed(render.subdomain(worker))


def with_inherits(bindings: Sequence[Mapping[str, Any]] | None) -> list[Mapping[str, Any]] | None:
    """The list with each binding that lacks its content turned into one that inherits."""
    if bindings is None:
        return None
    return [
        {"type": "inherit", "name": binding.get("name")}
        if binding.get("type") in _CONTENT and _CONTENT[binding["type"]] not in binding
        else binding
        for binding in bindings
    ]
