"""Asking the database: dead connections are replaced once, a dead database has an error of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connections

from gateway.directory import Directory, _answered
from gateway.errors import HostInvalid, RoutesUnavailable
from gateway.hosts import parse_host
from gateway.targets import worker_host, worker_of
from tenants.errors import VersionNotFound
from tenants.services import Uploaded


def fails(times: int, error: Exception) -> Callable[[], str]:
    left = [error] * times

    def question() -> str:
        if left:
            raise left.pop()
        return "answer"

    return question


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
@pytest.mark.django_db(transaction=True)
def test_a_dead_connection_is_replaced_once(error: Exception) -> None:
    assert _answered(fails(1, error)) == "answer"
    with pytest.raises(RoutesUnavailable):
        _answered(fails(2, error))


@pytest.mark.django_db(transaction=True)
def test_other_errors_are_not_the_databases() -> None:
    with pytest.raises(VersionNotFound):
        _answered(fails(1, VersionNotFound()))


def test_no_visitor_can_name_a_worker_by_its_tenant() -> None:
    host = worker_host(7, "api_v2")
    assert worker_of(host) == (7, "api_v2")
    assert worker_of(parse_host(b"api.acme.localhost")) is None
    with pytest.raises(HostInvalid):
        parse_host(host.name.encode())


@pytest.mark.django_db(transaction=True)
async def test_routes_and_programs_come_from_the_database(upload_js: Callable[..., Uploaded]) -> None:
    uploaded = await sync_to_async(upload_js)(name="hello")
    directory = Directory(guest_build=lambda: "another build")
    try:
        route = await directory.route(parse_host(b"hello.acme.localhost"))
        assert route is not None
        assert (route.worker_name, [version.id for version in route.versions]) == ("hello", [str(uploaded.version.pk)])
        assert await directory.route(worker_host(route.tenant_id, "hello")) == route
        assert await directory.route(worker_host(route.tenant_id + 1, "hello")) is None
        assert await directory.route(parse_host(b"nobody.acme.localhost")) is None
        # Previews are switched off.
        assert await directory.route(parse_host(f"{str(uploaded.version.pk)[:8]}-hello.acme.localhost".encode())) is None
        program = await directory.program(str(uploaded.version.pk))
        assert program.image is None
        assert program.bundle.main == "worker.js"
        with pytest.raises(VersionNotFound):
            await directory.program("00000000-0000-4000-8000-000000000000")
    finally:
        await directory.close()
        await sync_to_async(connections.close_all)()
