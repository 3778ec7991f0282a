"""A worker's versions: the list, one of them, two of them side by side."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase

from cfapi.paging import page_of
from cfapi.render import TRIGGER
from tenants import selectors, services
from tenants.errors import VersionNotFound
from tenants.models import Version
from ui import compare
from ui.page import WorkerPage

PER_PAGE = 25
SOURCE = "ui"
# Of a module that is shown, in bytes.
SHOWN_BYTES = 200_000


class VersionsPage(WorkerPage):
    """What the pages about versions share."""

    tab = "versions"

    def version(self, number: int) -> Version:
        """The worker's version of that number. Raises `VersionNotFound`."""
        found = selectors.version_list(tenant=self.tenant, worker=self.worker).filter(number=number).first() if number < 2**31 else None
        if found is None:
            raise VersionNotFound
        return found

    def shares(self) -> dict[int, int]:
        """Number of a version -> its weight in the live deployment."""
        live = selectors.deployment_live(tenant=self.tenant, worker=self.worker)
        return {entry.version.number: entry.weight for entry in live.entries.all()} if live else {}


class Versions(VersionsPage):
    """`…/versions`: newest first."""

    template = "ui/versions.html"
    title = "Versions"
    api = "/api/v1/workers/{worker}/versions"

    def context(self) -> dict[str, Any]:
        """A page of them."""
        rows = selectors.version_list(tenant=self.tenant, worker=self.worker)
        return {"found": page_of(self.request, rows, per_page=PER_PAGE), "shares": self.shares()}


class VersionOne(VersionsPage):
    """`…/versions/{number}`: its programs, its environment, where it came from; always at this address."""

    template = "ui/version.html"
    title = "Version"
    api = "/api/v1/workers/{worker}/versions"
    write_scope = "workers:deploy"
    actions = ("deploy",)

    def heading(self) -> str:
        """With the number."""
        return f"{self.worker.qualified_name} v{self.kwargs['number']}"

    def crumbs(self) -> list[tuple[str, str]]:
        """By the list of versions."""
        return [*super().crumbs(), (self.worker.qualified_name, self.url("worker", worker=self.worker.qualified_name))]

    def context(self) -> dict[str, Any]:
        """Everything that may be seen of it."""
        version = self.version(self.kwargs["number"])
        files = [
            {
                "name": module.name,
                "kind": module.kind_name,
                "size": len(module.content),
                "lines": _lines(module.content)
                if module.kind_name in {"js", "text", "json"} and len(module.content) <= SHOWN_BYTES
                else None,
            }
            for module in selectors.version_modules(tenant=self.tenant, version=version)
        ]
        return {
            "version": version,
            "files": files,
            "bindings": selectors.version_bindings(tenant=self.tenant, version=version),
            "share": self.shares().get(version.number),
            "live": sorted(self.shares(), reverse=True),
            "earlier": version.number - 1,
        }

    def do_deploy(self) -> HttpResponseBase:
        """Give it all of the traffic."""
        version = self.version(self.kwargs["number"])
        services.deployment_create(
            tenant=self.tenant,
            worker_name=self.worker.qualified_name,
            versions=[(version.pk, 100)],
            message=self.field("reason"),
            annotations={TRIGGER: "promotion"},
            actor=self.actor,
            source=SOURCE,
        )
        self.say(f"v{version.number} has all of the traffic now.")
        return self.go("worker", worker=self.worker.qualified_name)


class Compare(VersionsPage):
    """`…/compare?from=1&to=2`: what differs, side by side or in one column."""

    template = "ui/compare.html"
    title = "Compare"
    api = "/api/v1/workers/{worker}/versions"

    def context(self) -> dict[str, Any]:
        """Both, and what differs. Without numbers: the newest and the one before; the live one where only `to` is given."""
        newest = self.worker.last_version_number
        after = _number(self.request.GET.get("to"), newest)
        before = _number(self.request.GET.get("from"), next(iter(sorted(self.shares(), reverse=True)), max(after - 1, 1)))
        left, right = self.version(before), self.version(after)
        diff = selectors.version_diff(tenant=self.tenant, worker=self.worker, before=left.pk, after=right.pk)
        return {
            "before": left,
            "after": right,
            "modules": compare.modules(diff),
            "fields": compare.fields(left, right, diff),
            "unified": self.request.GET.get("view") == "unified",
            "newest": newest,
        }


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default  # noqa: PLR2004 - more is none


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()
