"""How a worker is reached or set off besides its default host: custom host names, routes, schedules."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, JsonResponse

from cfapi import render
from cfapi.endpoint import AccountEndpoint, Endpoint
from cfapi.envelope import succeed
from cfapi.errors import BodyInvalid, FeatureUnsupported
from cfapi.fields import Fields
from cfapi.paging import page_of
from cfapi.reading import json_of, list_of, object_of
from tenants import selectors, services
from tenants.errors import DomainNotFound


class Domains(AccountEndpoint):
    """`/workers/domains`."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """The account's host names; `hostname` and `service` narrow the list."""
        rows = selectors.domain_list(tenant=self.tenant)
        if hostname := request.GET.get("hostname"):
            rows = rows.filter(hostname=hostname)
        if service := request.GET.get("service"):
            rows = rows.filter(worker__name=service)
        page = page_of(request, rows, render.domain)
        return succeed(page.items, info=page.info)

    def put(self, request: HttpRequest) -> JsonResponse:
        """Lead a host name to a worker."""
        body = Fields(object_of(request), error=BodyInvalid)
        hostname, service = body.text("hostname"), body.text("service")
        if not hostname or not service:
            missing = "service" if hostname else "hostname"
            raise BodyInvalid(f"The body names no {missing}.", field=missing)
        row = services.domain_add(tenant=self.tenant, worker_name=service, hostname=hostname, actor=self.actor)
        return succeed(render.domain(row))


class Domain(AccountEndpoint):
    """`/workers/domains/{domain}`."""

    def get(self, request: HttpRequest, domain: str) -> JsonResponse:  # noqa: ARG002
        """One host name."""
        return succeed(render.domain(selectors.domain_get(tenant=self.tenant, domain_id=_uuid(domain))))

    def delete(self, request: HttpRequest, domain: str) -> JsonResponse:  # noqa: ARG002
        """Release the host name."""
        row = selectors.domain_get(tenant=self.tenant, domain_id=_uuid(domain))
        services.domain_remove(tenant=self.tenant, hostname=row.hostname, actor=self.actor)
        return succeed(None)


class DomainChangeset(AccountEndpoint):
    """`/workers/scripts/{name}/domains/changeset`."""

    # It changes nothing.
    write_scope = "workers:read"

    def post(self, request: HttpRequest, name: str) -> JsonResponse:
        """What `domains/records` would do with these host names; changes nothing."""
        wanted = [_hostname(origin) for origin in list_of(request)]
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        mine = {row.hostname: row for row in selectors.domain_list(tenant=self.tenant)}
        bound = {hostname for hostname, row in mine.items() if row.worker_id == worker.pk}
        return succeed(
            {
                "added": [{"hostname": hostname} for hostname in wanted if hostname not in mine],
                "updated": [render.domain(mine[hostname]) | {"modified": False} for hostname in wanted if hostname in bound],
                "removed": [render.domain(mine[hostname]) for hostname in sorted(bound.difference(wanted))],
                "conflicting": [render.domain(mine[hostname]) for hostname in wanted if hostname in mine and hostname not in bound],
            }
        )


class DomainRecords(AccountEndpoint):
    """`/workers/scripts/{name}/domains/records`."""

    def put(self, request: HttpRequest, name: str) -> JsonResponse:
        """Give the worker these host names, all or none; with `override_scope` it loses every other one."""
        body = object_of(request)
        origins = body.get("origins")
        if not isinstance(origins, list):
            raise BodyInvalid("origins must be a list of {hostname}.", field="origins")
        wanted = [_hostname(origin) for origin in origins]
        worker = selectors.worker_get(tenant=self.tenant, name=name)
        bound = {row.hostname for row in selectors.domain_list(tenant=self.tenant).filter(worker=worker)}
        with transaction.atomic():
            if Fields(body, error=BodyInvalid).flag("override_scope"):
                for hostname in sorted(bound.difference(wanted)):
                    services.domain_remove(tenant=self.tenant, hostname=hostname, actor=self.actor)
            rows = [services.domain_add(tenant=self.tenant, worker_name=name, hostname=hostname, actor=self.actor) for hostname in wanted]
        return succeed([render.domain(row) for row in rows])


class Routes(AccountEndpoint):
    """`/workers/scripts/{name}/routes`."""

    write_scope = "workers:deploy"

    def put(self, request: HttpRequest, name: str) -> JsonResponse:
        """Take an empty list; there are no zones to route in yet."""
        routes = list_of(request)
        selectors.worker_get(tenant=self.tenant, name=name)
        if routes:
            raise FeatureUnsupported("Hostel does not offer route patterns yet: use a custom domain.", feature="routes")
        return succeed([])


class Schedules(AccountEndpoint):
    """`/workers/scripts/{name}/schedules`."""

    write_scope = "workers:deploy"

    def get(self, request: HttpRequest, name: str) -> JsonResponse:  # noqa: ARG002
        """None yet."""
        selectors.worker_get(tenant=self.tenant, name=name)
        return succeed({"schedules": []})

    def put(self, request: HttpRequest, name: str) -> JsonResponse:
        """Take an empty list."""
        wanted = json_of(request)
        selectors.worker_get(tenant=self.tenant, name=name)
        if wanted not in ([], {"schedules": []}):
            raise FeatureUnsupported("Hostel does not offer cron triggers yet.", feature="schedules")
        return succeed({"schedules": []})


class Zones(Endpoint):
    """`/zones`."""

    read_scope = None
    write_scope = None

    def get(self, request: HttpRequest) -> JsonResponse:
        """None: host names need no zone here."""
        page = page_of(request, [])
        return succeed(page.items, info=page.info)


def _hostname(origin: Any) -> str:
    hostname = origin.get("hostname") if isinstance(origin, dict) else None
    if not isinstance(hostname, str):
        raise BodyInvalid("A custom domain needs a hostname.", field="hostname")
    return hostname


def _uuid(text_: str) -> UUID:
    try:
        return UUID(text_)
    except ValueError:
        raise DomainNotFound from None
