"""Secrets of a worker. Each change makes a version and deploys it; no reply ever holds a secret's text."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from cfapi import render
from cfapi.endpoint import AccountEndpoint
from cfapi.envelope import succeed
from cfapi.errors import BodyInvalid
from cfapi.paging import page_of
from cfapi.reading import object_of
from tenants import selectors, services
from tenants.errors import BindingUnsupported, SecretNotFound
from tenants.models import Tenant

KIND = "secret_text"


class Secrets(AccountEndpoint):
    """`/workers/scripts/{name}/secrets`."""

    write_scope = "secrets:write"

    def get(self, request: HttpRequest, name: str) -> JsonResponse:
        """Names and types."""
        page = page_of(request, secrets_of(self.tenant, name))
        return succeed(page.items, info=page.info)

    def put(self, request: HttpRequest, name: str) -> JsonResponse:
        """Add or replace one secret."""
        body = object_of(request)
        key, value = _name(body.get("name")), _text(body)
        services.secret_put(tenant=self.tenant, worker_name=name, name=key, text=value, actor=self.actor, source=render.source_of(request))
        return succeed({"name": key, "type": KIND})


class Secret(AccountEndpoint):
    """`/workers/scripts/{name}/secrets/{secret}`."""

    write_scope = "secrets:write"

    def get(self, request: HttpRequest, name: str, secret: str) -> JsonResponse:  # noqa: ARG002
        """That the secret exists."""
        for found in secrets_of(self.tenant, name):
            if found["name"] == secret:
                return succeed(found)
        raise SecretNotFound(binding=secret)

    def delete(self, request: HttpRequest, name: str, secret: str) -> JsonResponse:
        """Remove the secret."""
        services.secret_delete(tenant=self.tenant, worker_name=name, name=secret, actor=self.actor, source=render.source_of(request))
        return succeed(None)


class SecretsBulk(AccountEndpoint):
    """`/workers/scripts/{name}/secrets-bulk`."""

    write_scope = "secrets:write"

    def patch(self, request: HttpRequest, name: str) -> JsonResponse:
        """Add, replace and (null) remove many in one version: `{"secrets": {NAME: {name, text, type} | null}}`."""
        wanted = object_of(request).get("secrets")
        if not isinstance(wanted, dict):
            raise BodyInvalid("secrets must map names to secrets or null.", field="secrets")
        changes: dict[str, str | None] = {}
        for key, secret in wanted.items():
            if secret is not None and not isinstance(secret, dict):
                raise BodyInvalid("A secret must be {name, text, type} or null.", field=f"secrets.{key}")
            changes[key] = None if secret is None else _text(secret)
        services.secrets_update(tenant=self.tenant, worker_name=name, changes=changes, actor=self.actor, source=render.source_of(request))
        return succeed(secrets_of(self.tenant, name))


def secrets_of(tenant: Tenant, name: str) -> list[dict[str, str]]:
    """Names and types of the newest version's secrets. Raises WorkerNotFound."""
    worker = selectors.worker_get(tenant=tenant, name=name)
    version = selectors.version_latest(tenant=tenant, worker=worker)
    bindings = selectors.version_bindings(tenant=tenant, version=version) if version else ()
    return [{"name": str(binding["name"]), "type": KIND} for binding in bindings if binding["type"] == KIND]


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise BodyInvalid("A secret needs a name.", field="name")
    return value


def _text(secret: dict[str, Any]) -> str:
    kind, value = secret.get("type", KIND), secret.get("text")
    if kind != KIND:
        raise BindingUnsupported(f"Secrets of the type {str(kind)[:80]!r} are not supported.", field="type", type=str(kind)[:80])
    if not isinstance(value, str):
        raise BodyInvalid("A secret needs a text.", field="text")
    return value
