"""Secrets of a worker: names and dates, never a text.

Each change makes a version, which takes the newest one's place in the live deployment.
"""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.auth import actor_of, tenant_of
from api.bodies import validated
from api.serializers.secrets import Secret, SecretSent, SecretSet
from api.views.base import TenantView, json_of
from telemetry.uses import versions_last_used
from tenants import selectors, services
from tenants.services import Uploaded

SOURCE = "api"


class Secrets(TenantView):
    """`/workers/{worker}/secrets`."""

    @extend_schema(operation_id="secret_list", responses=Secret(many=True))
    def get(self, request: Request, worker: str) -> Response:
        """The newest version's secrets: since when each has its value, and when that was last used."""
        tenant = tenant_of(request)
        row = selectors.worker_get(tenant=tenant, name=worker)
        found = selectors.secret_list(tenant=tenant, worker=row)
        used = versions_last_used(tenant=tenant, worker=row, versions={version for secret in found for version in secret.versions})
        shown = []
        for secret in found:
            times = [used[version] for version in secret.versions if version in used]
            values = {"name": secret.name, "type": secret.type, "since_version": secret.since_version, "modified": secret.modified}
            shown.append(Secret({**values, "last_used": max(times, default=None)}).data)
        return Response(shown)


class SecretOne(TenantView):
    """`/workers/{worker}/secrets/{secret}`."""

    write_scope = "secrets:write"

    @extend_schema(operation_id="secret_put", request=json_of(SecretSent), responses=SecretSet)
    def put(self, request: Request, worker: str, secret: str) -> Response:
        """Set the secret. Its text is sealed, and shown to nobody again."""
        tenant = tenant_of(request)
        selectors.worker_get(tenant=tenant, name=worker)
        sent = validated(request, SecretSent)
        made = services.secret_put(
            tenant=tenant, worker_name=worker, name=secret, text=sent["text"], actor=actor_of(request), source=SOURCE
        )
        return Response(_made(made))

    @extend_schema(operation_id="secret_delete", responses=SecretSet)
    def delete(self, request: Request, worker: str, secret: str) -> Response:
        """Remove the secret."""
        made = services.secret_delete(tenant=tenant_of(request), worker_name=worker, name=secret, actor=actor_of(request), source=SOURCE)
        return Response(_made(made))


def _made(made: Uploaded) -> dict[str, object]:
    deployment = made.deployment.uuid if made.deployment else None
    return dict(SecretSet({"version": made.version.pk, "number": made.version.number, "deployment": deployment}).data)
