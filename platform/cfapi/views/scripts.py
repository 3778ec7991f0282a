"""Workers as scripts: upload, download, list, delete; and the same worker as a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse

from cfapi import render
from cfapi.auth import require_secrets
from cfapi.download import modules_reply
from cfapi.endpoint import AccountEndpoint
from cfapi.envelope import fail, succeed
from cfapi.metadata import judge
from cfapi.paging import page_of
from cfapi.reading import parts_of
from cfapi.upload import read_upload
from sandbox.errors import HostelError
from tenants import selectors, services
from tenants.errors import WorkerNotFound


class Scripts(AccountEndpoint):
    """`/workers/scripts`."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Every worker of the account."""
        workers = selectors.worker_list(tenant=self.tenant)
        page = page_of(request, workers, render_all=lambda shown: render.scripts(shown, self.tenant))
        return succeed(page.items, info=page.info)


class Script(AccountEndpoint):
    """`/workers/scripts/{name}`."""

    scopes: ClassVar[Mapping[str, str]] = {"PUT": "workers:deploy"}

    def get(self, request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG002 - the body is the modules
        """The newest version's modules as multipart, as Cloudflare sends module workers."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        version = selectors.version_latest(tenant=self.tenant, worker=worker)
        return modules_reply(version, selectors.version_modules(tenant=self.tenant, version=version) if version else ())

    def put(self, request: HttpRequest, name: str) -> JsonResponse:
        """Make a version from the upload and deploy it at 100 %; makes the worker when there is none."""
        judged = judge(read_upload(parts_of(request)), inherit_strict=request.GET.get("bindings_inherit") == "strict")
        require_secrets(self.access, judged.upload.bindings)
        made = services.version_upload(
            tenant=self.tenant,
            worker_name=name,
            upload=judged.upload,
            settings=judged.settings,
            actor=self.actor,
            source=render.source_of(request),
            deploy=True,
        )
        result = {
            **render.script(made.worker, made.version),
            "startup_time_ms": made.version.startup_time_ms,
            "entry_point": made.version.main_module,
        }
        if request.GET.get("excludeScript") != "true":
            result["script"] = next(module.content.decode() for module in judged.upload.modules if module.name == made.version.main_module)
        return succeed(result, messages=(*judged.messages, *made.version.warnings))

    def delete(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002 - `force` changes nothing: nothing can be in the way
        """Delete the worker with its versions and deployments."""
        services.worker_delete(tenant=self.tenant, worker_name=name, actor=self.actor)
        return succeed(None)


class Content(AccountEndpoint):
    """`/workers/scripts/{name}/content/v2`."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The modules of the newest version, or of `?version=`."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        version = selectors.version_latest(tenant=self.tenant, worker=worker)
        if version_id := request.GET.get("version"):
            version = selectors.version_get(tenant=self.tenant, worker=worker, version_id=version_id)
        return modules_reply(version, selectors.version_modules(tenant=self.tenant, version=version) if version else ())


class Service(AccountEndpoint):
    """`/workers/services/{name}`."""

    def get(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """The worker as a service; wrangler asks this first."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        return succeed(render.service(worker, render.served_version(worker, self.tenant)))

    def delete(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """Delete the worker."""
        services.worker_delete(tenant=self.tenant, worker_name=name, actor=self.actor)
        return succeed(None)

    def refuse(self, error: HostelError) -> JsonResponse:
        """Cloudflare's number for a missing service is another one than for a missing script."""
        if isinstance(error, WorkerNotFound):
            return fail(error, code=10090, message="This Worker does not exist on your account.")
        return super().refuse(error)


class Workers(AccountEndpoint):
    """`/workers/workers`."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Every worker of the account."""
        page = page_of(
            request,
            selectors.worker_list(tenant=self.tenant),
            lambda worker: render.worker_object(worker, self.tenant, deployed=None),
            per_page=10,
        )
        return succeed(page.items, info=page.info)


class WorkerObject(AccountEndpoint):
    """`/workers/workers/{name}`."""

    def get(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """The worker with its real address."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        live = selectors.deployment_live(tenant=self.tenant, worker=worker)
        return succeed(render.worker_object(worker, self.tenant, deployed=live.created if live else None))
