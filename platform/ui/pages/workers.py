"""The list of workers, a new worker, and the command bar."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from cfapi.paging import page_of
from tenants import selectors, services
from tenants.errors import FieldInvalid
from tenants.names import check_worker_name
from tenants.uploads import Upload, UploadModule
from ui import finding, gallery, worklist
from ui.page import TenantPage

SOURCE = "ui"
PER_PAGE = 100


class Workers(TenantPage):
    """`/t/{tenant}/`: the workers, those that need attention first."""

    template = "ui/workers.html"
    title = "Workers"
    place = "workers"
    api = "/api/v1/workers"

    def context(self) -> dict[str, Any]:
        """The workers of a name, and what they did in the last hour."""
        query = self.request.GET.get("q", "").strip()[:63]
        rows = worklist.rows(tenant=self.tenant, query=query, now=time.time())
        return {"found": page_of(self.request, rows, per_page=PER_PAGE), "query": query, "base": settings.HOSTEL.base_domain}


class WorkerNew(TenantPage):
    """`/t/{tenant}/new`: a worker from a template, live at once."""

    template = "ui/worker_new.html"
    title = "New worker"
    api = "/api/v1/workers/{{worker}}/versions?deploy=true"
    place = "workers"
    read_scope = write_scope = "workers:deploy"
    actions = ("create",)

    def context(self) -> dict[str, Any]:
        """The gallery."""
        chosen = self.request.POST.get("template") or self.request.GET.get("template", "hello")
        first = not selectors.worker_list(tenant=self.tenant).exists()
        return {"gallery": gallery.TEMPLATES, "chosen": chosen, "base": settings.HOSTEL.base_domain, "first": first}

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list."""
        return [("Workers", self.url("workers"))]

    def do_create(self) -> HttpResponseBase:
        """Upload the template and deploy it. Raises `FieldInvalid` for a name that is taken, and as `version_upload`."""
        template = gallery.template_of(self.field("template"))
        name = check_worker_name(self.field("name").lower())
        if selectors.worker_list(tenant=self.tenant).filter(name=name).exists():
            raise FieldInvalid(f"There is a worker {name} already: choose another name.", field="name")
        module = UploadModule("worker.js", gallery.KIND, template.source.encode())
        upload = Upload(
            main_module="worker.js", modules=[module], bindings=list(template.bindings), message=f"From the template {template.title}"
        )
        services.version_upload(tenant=self.tenant, worker_name=name, upload=upload, actor=self.actor, source=SOURCE, deploy=True)
        self.say(f"{name} is live.")
        return self.go("worker", worker=name)


class Find(TenantPage):
    """`/t/{tenant}/find`: what the command bar shows; a page of its own where no scripts run."""

    template = "ui/find.html"
    title = "Find"
    read_scope = None

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """The list alone for the bar, else the page."""
        assert self.access is not None
        query = self.request.GET.get("q", "")
        results = finding.find(self.access, query)
        if self.request.headers.get("HX-Request"):
            return render(self.request, "ui/parts/found.html", {"results": results})
        return super().show(status=status, results=results, query=query, **more)
