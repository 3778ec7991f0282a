"""Versions of a worker: upload without deploying, list, look at, and derive from the newest one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from cfapi import render
from cfapi.auth import require_secrets
from cfapi.endpoint import AccountEndpoint
from cfapi.envelope import succeed
from cfapi.errors import BodyInvalid
from cfapi.fields import Fields
from cfapi.metadata import judge
from cfapi.paging import page_of
from cfapi.reading import object_of, parts_of
from cfapi.upload import read_upload
from tenants import selectors, services

PER_PAGE = 25


class Versions(AccountEndpoint):
    """`/workers/scripts/{name}/versions`."""

    write_scope = "workers:deploy"

    def get(self, request: HttpRequest, name: str) -> JsonResponse:
        """The versions, newest first. `deployable=true` takes no pages: wrangler asks once and shows what it gets."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        deployable = request.GET.get("deployable") == "true"
        rows = selectors.version_list(tenant=self.tenant, worker=worker, deployable=deployable)
        page = page_of(request, rows, render.version_head, per_page=100 if deployable else PER_PAGE)
        return succeed({"items": page.items}, info=page.info)

    def post(self, request: HttpRequest, name: str) -> JsonResponse:
        """Make a version of a worker that exists; nothing is deployed."""
        judged = judge(read_upload(parts_of(request)), inherit_strict=request.GET.get("bindings_inherit") == "strict")
        require_secrets(self.access, judged.upload.bindings)
        made = services.version_upload(
            tenant=self.tenant,
            worker_name=name,
            upload=judged.upload,
            actor=self.actor,
            source=render.source_of(request),
            deploy=False,
            create_worker=False,
        )
        return succeed(render.version_whole(made.version, self.tenant), messages=(*judged.messages, *made.version.warnings))


class Version(AccountEndpoint):
    """`/workers/scripts/{name}/versions/{version}`."""

    def get(self, request: HttpRequest, name: str, version: str) -> JsonResponse:  # noqa: ARG002
        """One version."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        row = selectors.version_get(tenant=self.tenant, worker=worker, version_id=version)
        return succeed(render.version_whole(row, self.tenant))


class LatestVersion(AccountEndpoint):
    """`/workers/workers/{name}/versions/latest`."""

    write_scope = "workers:deploy"

    def patch(self, request: HttpRequest, name: str) -> JsonResponse:
        """Make a version from the newest one with a merge patch (RFC 7396) of its environment; nothing is deployed."""
        fields = Fields(object_of(request), error=BodyInvalid)
        changes = fields.mapping("env") or {}
        if not all(change is None or isinstance(change, dict) for change in changes.values()):
            raise fields.wrong("env", "an object of bindings and nulls")
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        latest = selectors.version_latest(tenant=self.tenant, worker=worker)
        names = [binding["name"] for binding in (latest.bindings if latest else ())]
        kept: list[dict[str, Any]] = [{"type": "inherit", "name": key} for key in names if key not in changes]
        annotations = fields.texts_by_name("annotations")
        bindings = kept + [{**change, "name": key} for key, change in changes.items() if change is not None]
        require_secrets(self.access, bindings)
        made = services.version_derive(
            tenant=self.tenant,
            worker_name=name,
            bindings=bindings,
            message=annotations.get("workers/message", ""),
            tag=annotations.get("workers/tag", ""),
            annotations=annotations,
            actor=self.actor,
            source=render.source_of(request),
            deploy=False,
        )
        return succeed(render.version_whole(made.version, self.tenant), messages=made.version.warnings)
