"""Pages of tenants: whoever the table admits sees them, and another tenant's things are not found by anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from controlplane.access import Route, may, routes
from tenants.models import AuditEvent
from tenants.roles import Role
from tests.access.conftest import THEIRS, World
from ui.page import TenantPage

# What stands for a parameter of ours that no other tenant's thing has a line for.
OURS = {"worker": "hello"}
# Parameters that have a thing of ours.
KNOWN = {"tenant", "worker", "number"}


def pages() -> list[Route]:
    return [route for route in routes() if route.surface == "page" and route.kind == "tenant"]


def browser(world: World, who: str | None) -> Client:
    client = Client(headers={"host": "localhost"}, raise_request_exception=False)
    if who is not None:
        client.force_login(world.people[who])
    return client


@pytest.fixture
def admission(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens behind the door: whoever is let in is told so."""
    for cls in {route.view for route in pages()}:
        monkeypatch.setattr(cls, "enter", _entered(cls.enter))


def _entered(enter: Any) -> Any:
    def entered(self: TenantPage) -> Any:
        refused = enter(self)
        return refused if refused is not None else HttpResponse(status=299)

    return entered


def ids(world: World) -> Iterator[dict[str, str]]:
    """Another tenant's things under its own name, and under ours."""
    yield world.things
    yield {**world.things, "tenant": world.ours.slug}
    yield {**world.things, "tenant": world.ours.slug, **OURS}


def test_every_parameter_is_known() -> None:
    assert len(pages()) >= 4
    for route in pages():
        assert set(route.parameters) <= set(THEIRS), f"{route.path}: say in conftest.THEIRS what another tenant has for it"


def test_pages_are_for_whom_the_table_says(world: World, admission: None) -> None:
    ours = {**world.things, "tenant": world.ours.slug, **OURS}
    wrong = []
    for who in (None, "drifter", "outsider", "root", *Role.values):
        client = browser(world, who)
        for route in pages():
            status = client.generic(route.method, route.path.format(**ours)).status_code
            # Another tenant's thing, which ours has not, is looked for once the scope is there.
            admitted = {299} if set(route.parameters) <= KNOWN else {299, 404}
            expected = {302} if who is None else {404} if who in {"drifter", "outsider", "root"} else admitted if may(route, who) else {403}
            if status not in expected:
                wrong.append(f"{who}: {route.method} {route.path} -> {status}")
    assert not wrong, "\n".join(wrong)


def test_another_tenants_things_are_not_found(world: World) -> None:
    before = AuditEvent.objects.count()
    client = browser(world, "owner")
    for route in pages():
        for found in ids(world):
            if (
                set(route.parameters) <= {"tenant", "worker", "number"}
                and found["tenant"] == world.ours.slug
                and found["worker"] == OURS["worker"]
            ):
                continue
            if route.parameters == ["tenant"] and found["tenant"] == world.ours.slug:
                continue
            reply = client.generic(route.method, route.path.format(**found))
            assert reply.status_code in {404, 400} if route.method == "POST" else reply.status_code == 404, (route, reply.status_code)
            assert "hello.globex" not in reply.content.decode(), route
    assert AuditEvent.objects.count() == before


def test_no_page_ever_fails(world: World) -> None:
    ours = {**world.things, "tenant": world.ours.slug, **OURS}
    for who in ("owner", "viewer", "billing"):
        client = browser(world, who)
        for route in pages():
            assert client.generic(route.method, route.path.format(**ours)).status_code < 500, route
