"""Dispatch namespaces and the workers in them, as far as their routes are not those of any worker (scripts.py, secrets.py, settings.py).

A worker's `name` is its qualified name here: the endpoint has put it together from the route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse

from cfapi import render
from cfapi.endpoint import AccountEndpoint
from cfapi.envelope import succeed
from cfapi.errors import BodyInvalid, FeatureUnsupported
from cfapi.fields import Fields
from cfapi.metadata import fields_of
from cfapi.paging import page_of
from cfapi.reading import list_of, object_of, parts_of
from cfapi.upload import read_upload
from cfapi.views import scripts
from tenants import selectors, services
from tenants.errors import FieldInvalid, VersionNotFound
from tenants.uploads import Upload, WorkerSettings


class Namespaces(AccountEndpoint):
    """`/workers/dispatch/namespaces`."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """The account's namespaces."""
        rows = selectors.namespace_list(tenant=self.tenant)
        page = page_of(request, rows, lambda row: render.namespace(row, scripts=row.worker_count))
        return succeed(page.items, info=page.info)

    def post(self, request: HttpRequest) -> JsonResponse:
        """Make one."""
        made = services.namespace_create(tenant=self.tenant, name=_name(request), actor=self.actor)
        return succeed(render.namespace(made, scripts=0))


class Namespace(AccountEndpoint):
    """`/workers/dispatch/namespaces/{namespace}`."""

    def get(self, request: HttpRequest, namespace: str) -> JsonResponse:  # noqa: ARG002
        """One namespace."""
        return succeed(self._shown(namespace))

    def put(self, request: HttpRequest, namespace: str) -> JsonResponse:
        """Rename it (`wrangler dispatch-namespace rename`)."""
        row = services.namespace_rename(tenant=self.tenant, name=namespace, new_name=_name(request), actor=self.actor)
        return succeed(self._shown(row.name))

    def delete(self, request: HttpRequest, namespace: str) -> JsonResponse:  # noqa: ARG002
        """Delete it with every worker in it, as Cloudflare does."""
        services.namespace_delete(tenant=self.tenant, name=namespace, actor=self.actor)
        return succeed(None)

    def _shown(self, name: str) -> dict[str, Any]:
        row = selectors.namespace_get(tenant=self.tenant, name=name)
        return render.namespace(row, scripts=selectors.namespace_workers(tenant=self.tenant, namespace=row).count())


class Scripts(AccountEndpoint):
    """`/workers/dispatch/namespaces/{namespace}/scripts`; `tags=a:yes,b:no` names those that have the tag a and not b."""

    def get(self, request: HttpRequest, namespace: str) -> JsonResponse:
        """The namespace's workers."""
        row = selectors.namespace_get(tenant=self.tenant, name=namespace)
        wanted, unwanted = _tags(request)
        workers = selectors.namespace_workers(tenant=self.tenant, namespace=row, with_tags=wanted, without_tags=unwanted)

        def shown(rows: Sequence[Any]) -> list[dict[str, Any]]:
            served = selectors.versions_served(tenant=self.tenant, workers=rows)
            pairs = [(worker, served.get(worker.pk)) for worker in rows]
            return [{**render.script(*pair), **render.dispatch_script(*pair)} for pair in pairs]

        page = page_of(request, workers, render_all=shown)
        return succeed(page.items, info=page.info)

    def delete(self, request: HttpRequest, namespace: str) -> JsonResponse:
        """Delete the workers that `tags` names; none are deleted when it names no tag."""
        wanted, unwanted = _tags(request)
        names = services.namespace_workers_delete(
            tenant=self.tenant, name=namespace, with_tags=wanted, without_tags=unwanted, actor=self.actor
        )
        return succeed([{"id": name} for name in names])


class Script(scripts.Script):
    """`/workers/dispatch/namespaces/{namespace}/scripts/{name}`."""

    def get(self, request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG002
        """The worker as JSON: its code is at `/content`."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        return succeed(render.dispatch_script(worker, render.served_version(worker, self.tenant)))


class Content(scripts.Content):
    """`…/scripts/{name}/content`."""

    scopes: ClassVar[Mapping[str, str]] = {"PUT": "workers:deploy"}

    def put(self, request: HttpRequest, name: str) -> JsonResponse:
        """Replace the code, and nothing but the code: bindings, limits and compatibility stay those of the newest version."""
        read = read_upload(parts_of(request))
        main = fields_of(read.metadata).text("main_module")
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        latest = selectors.version_latest(tenant=self.tenant, worker=worker)
        if latest is None:
            raise VersionNotFound("This worker has no version yet.")
        made = services.version_upload(
            tenant=self.tenant,
            worker_name=name,
            upload=Upload(
                main_module=main or latest.main_module,
                modules=read.modules,
                bindings=[{"type": "inherit", "name": binding["name"]} for binding in latest.bindings],
                inherit_strict=True,
                compatibility_date=latest.compatibility_date,
                compatibility_flags=latest.compatibility_flags,
                limits=latest.limits,
            ),
            actor=self.actor,
            source=render.source_of(request),
            deploy=True,
            create_worker=False,
        )
        return succeed(render.script(made.worker, made.version), messages=made.version.warnings)


class Bindings(AccountEndpoint):
    """`…/scripts/{name}/bindings`."""

    def get(self, request: HttpRequest, name: str) -> JsonResponse:
        """The newest version's bindings, secrets without their text."""
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        latest = selectors.version_latest(tenant=self.tenant, worker=worker)
        page = page_of(request, selectors.version_bindings(tenant=self.tenant, version=latest) if latest else [])
        return succeed(page.items, info=page.info)


class Tags(AccountEndpoint):
    """`…/scripts/{name}/tags`."""

    def get(self, request: HttpRequest, name: str) -> JsonResponse:
        """The worker's tags."""
        page = page_of(request, selectors.worker_get(tenant=self.tenant, name=name).tags)
        return succeed(page.items, info=page.info)

    def put(self, request: HttpRequest, name: str) -> JsonResponse:
        """Replace them by the list that is the body."""
        worker = services.worker_settings_update(
            tenant=self.tenant,
            worker_name=name,
            settings=WorkerSettings(tags=list(dict.fromkeys(_texts(list_of(request))))),
            actor=self.actor,
        )
        page = page_of(request, worker.tags)
        return succeed(page.items, info=page.info)


class Tag(AccountEndpoint):
    """`…/scripts/{name}/tags/{tag}`."""

    def put(self, request: HttpRequest, name: str, tag: str) -> JsonResponse:  # noqa: ARG002
        """Add a tag; a worker that has it keeps it."""
        tags = selectors.worker_get(tenant=self.tenant, name=name).tags
        if tag not in tags:
            self._set(name, [*tags, tag])
        return succeed(None)

    def delete(self, request: HttpRequest, name: str, tag: str) -> JsonResponse:  # noqa: ARG002
        """Take a tag off; a worker that has it not is left as it is."""
        tags = selectors.worker_get(tenant=self.tenant, name=name).tags
        if tag in tags:
            self._set(name, [kept for kept in tags if kept != tag])
        return succeed(None)

    def _set(self, name: str, tags: list[str]) -> None:
        services.worker_settings_update(tenant=self.tenant, worker_name=name, settings=WorkerSettings(tags=tags), actor=self.actor)


def _name(request: HttpRequest) -> str:
    body = object_of(request)
    fields = Fields(body, error=BodyInvalid)
    if fields.flag("trusted_workers"):
        raise FeatureUnsupported("Hostel does not offer trusted workers yet.", field="trusted_workers", feature="trusted_workers")
    if unknown := sorted(set(body) - {"name", "trusted_workers"}):
        raise BodyInvalid(f"There is no field {unknown[0][:80]!r}.", field=unknown[0][:80])
    return fields.text("name") or ""


def _texts(values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise BodyInvalid("The body must be a list of strings.", field="tags")
    return values


def _tags(request: HttpRequest) -> tuple[set[str], set[str]]:
    """The tags that `?tags=` wants and those it does not. Raises FieldInvalid."""
    wanted: set[str] = set()
    unwanted: set[str] = set()
    for entry in filter(None, request.GET.get("tags", "").split(",")):
        tag, _, answer = entry.rpartition(":")
        if not tag or answer not in {"yes", "no"}:
            raise FieldInvalid("tags must be a list like a:yes,b:no, comma separated.", field="tags")
        (wanted if answer == "yes" else unwanted).add(tag)
    return wanted, unwanted
