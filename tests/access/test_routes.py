"""Every route, with everybody who may ask: who is admitted is what the table says, and another tenant's things are nobody's.

A route that does not say for whom it is, or has a parameter nobody has thought of (conftest.THEIRS), fails here.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from api.views.base import ApiView
from cfapi.endpoint import Endpoint
from cfapi.errors import FeatureUnsupported
from controlplane.access import KINDS, Route, Unclassified, _known, may, routes
from tenants.models import AuditEvent
from tenants.roles import Role
from tests.access.conftest import THEIRS, Caller, World

# Bodies that are right in themselves, so that nothing but the scoping refuses; by operation, where an empty object is not.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/v1/workers/{worker}/deployments"): {"versions": [{"version": "{version}", "percentage": 100}]},
    ("PATCH", "/api/v1/members/{member_id}"): {"role": "viewer"},
    ("POST", "/api/v1/workers/{worker}/tests"): {"name": "x"},
    ("PUT", "/api/v1/workers/{worker}/version-flag"): {"flag": "x"},
    ("POST", "/api/v1/workers/{worker}/rollouts"): {"version": "00000000-0000-4000-8000-000000000000"},
    ("POST", "/api/v1/workers/{worker}/rollouts/preflight"): {"version": "00000000-0000-4000-8000-000000000000"},
    ("POST", "/api/v1/workers/{worker}/rollouts/{rollout}/abort"): {"reason": "x"},
    ("PUT", "/api/v1/workers/{worker}/aliases/{alias}"): {"version": "{version}"},
}
# Routes whose parameter is a name that one may give to something new of one's own.
NAMING = {("POST", "/api/v1/workers/{worker}/versions")}
# Parameters that belong to a worker, and so are looked for below one of ours as well.
# What whoever gets past the door is told in these tests.
ADMITTED = FeatureUnsupported.code
BELOW_WORKER = {"version", "deployment", "test_id", "test_run", "rollout", "other", "alias"}


def surface(name: str) -> list[Route]:
    return [
        route for route in routes() if route.surface == name and not route.path.endswith("/v1/{rest}") and route.path != "/client/v4/{rest}"
    ]


@pytest.fixture
def admission(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happens behind the door: whoever is let in is told so."""
    initial, admit = ApiView.initial, Endpoint.handler

    def enter(self: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        initial(self, request, *args, **kwargs)
        raise FeatureUnsupported

    def handle(self: Any, request: Any) -> Any:
        raise FeatureUnsupported

    assert admit is not None
    monkeypatch.setattr(ApiView, "initial", enter)
    for cls in {route.view for route in surface("compatible")} | {Endpoint}:
        monkeypatch.setattr(cls, "handler", handle)


def expected(route: Route, caller: Caller) -> bool:
    """What the table says."""
    token = caller.secret is not None
    if route.kind == "anonymous":
        return True
    if caller.role == "nobody" or (route.kind == "person" and token):
        return False
    if route.kind in {"caller", "person"}:
        return True
    if caller.role in {"outsider", "drifter"} or (caller.role == "operator") != (route.kind == "operator"):
        return False
    return caller.role == "operator" or may(route, caller.role)


class TestTable:
    def test_every_route_says_for_whom_it_is(self) -> None:
        found = routes()
        assert len([route for route in found if route.surface == "native"]) > 30
        assert len([route for route in found if route.surface == "compatible"]) > 60
        assert {route.kind for route in found} <= set(KINDS)
        with pytest.raises(Unclassified):
            _known(None, "/new")

    def test_every_parameter_is_known(self) -> None:
        for route in surface("native") + surface("compatible"):
            assert set(route.parameters) <= set(THEIRS), f"{route.path}: say in conftest.THEIRS what another tenant has for it"

    def test_only_the_documents_and_the_health_are_for_everybody(self) -> None:
        found = {route.path for route in routes() if route.kind == "anonymous" and route.surface != "page"}
        assert found == {"/api/v1/{rest}", "/client/v4/{rest}"}

    def test_the_document_has_every_native_route(self, client: Client) -> None:
        paths = client.get("/api/v1/openapi.json", headers={"host": "localhost"}).json()["paths"]
        described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        # OFREP has a document of its own.
        assert described == {(route.method, route.path) for route in surface("native") if not route.path.startswith("/ofrep/")}
        for path, methods in paths.items():
            for operation in methods.values():
                kind = operation["x-hostel-access"]["kind"]
                accepted = {name for one in operation["security"] for name in one}
                assert accepted == ({"session"} if kind == "person" else {"token", "key", "session"}), path


class TestAdmission:
    def test_the_native_api(self, world: World, callers: list[Caller], admission: None) -> None:
        self.walk(surface("native"), callers, world)

    def test_the_compatible_api(self, world: World, callers: list[Caller], admission: None) -> None:
        tokens = [caller for caller in callers if caller.secret is not None or caller.role == "nobody"]
        self.walk(surface("compatible"), tokens, world)

    def walk(self, found: list[Route], callers: list[Caller], world: World) -> None:
        """Each route of our tenant with everybody: admitted if and only if the table says so."""
        ours = {**world.things, "account": world.ours.account_id, "worker": "hello", "name": "hello"}
        wrong = []
        for route in found:
            for caller in callers:
                reply = caller.call(route.method, route.path.format(**ours), tenant=world.ours)
                document = reply.json()
                code = document.get("code") or document["errors"][0]["detail"]["code"]
                if (code == ADMITTED) is not expected(route, caller) or reply.status_code not in {400, 401, 403, 404}:
                    wrong.append(f"{caller.name}: {route.method} {route.path} -> {reply.status_code} {code}")
        assert not wrong, "\n".join(wrong)

    def test_a_session_is_nothing_to_the_compatible_api(self, world: World) -> None:
        owner = Caller("owner", Role.OWNER, world.people["owner"])
        for route in surface("compatible"):
            reply = owner.call(route.method, route.path.format(**{**world.things, "account": world.ours.account_id}))
            assert reply.status_code == 401, route.path


class TestThings:
    def test_another_tenants_things_are_not_found(self, world: World, callers: list[Caller]) -> None:
        before = self.state(world)
        checked = 0
        for route in surface("native"):
            if not route.parameters or (route.method, route.path) in NAMING or route.kind != "tenant":
                continue
            for caller in [one for one in callers if one.role == Role.OWNER]:
                for ids in self.ids(route, world):
                    body = self.body(route, ids)
                    reply = caller.call(route.method, route.path.format(**ids), tenant=world.ours, body=body)
                    code = reply.json()["code"]
                    assert (reply.status_code, code.endswith("_not_found")) == (404, True), (caller.name, route, reply.content)
                    checked += 1
        assert checked >= 40
        assert self.state(world) == before

    def test_another_tenant_cannot_be_named(self, world: World, callers: list[Caller]) -> None:
        before = self.state(world)
        for route in surface("native"):
            if route.kind != "tenant":
                continue
            for caller in [one for one in callers if one.role == Role.OWNER]:
                reply = caller.call(route.method, route.path.format(**world.things) + f"?tenant={world.theirs.slug}", body={})
                refused = (403, "account_forbidden") if caller.secret else (404, "tenant_not_found")
                assert (reply.status_code, reply.json()["code"]) == refused, (caller.name, route)
        assert self.state(world) == before

    def test_nor_another_account(self, world: World, callers: list[Caller]) -> None:
        before = self.state(world)
        for route in surface("compatible"):
            if "account" in route.parameters:
                for caller in [one for one in callers if one.role == Role.OWNER and one.secret]:
                    reply = caller.call(route.method, route.path.format(**world.things), body={})
                    detail = reply.json()["errors"][0]["detail"]
                    assert (reply.status_code, detail["code"]) == (403, "account_forbidden"), route
        assert self.state(world) == before

    def ids(self, route: Route, world: World) -> list[dict[str, str]]:
        """Theirs all through; and, where something hangs on a worker, theirs below a worker of ours."""
        found = [world.things]
        if "worker" in route.parameters and BELOW_WORKER & set(route.parameters):
            found.append({**world.things, "worker": "hello"})
        return found

    def body(self, route: Route, ids: dict[str, str]) -> Any:
        body = BODIES.get((route.method, route.path), {})
        if "versions" in body:
            return {"versions": [{"version": ids["version"], "percentage": 100}]}
        if body.get("version"):
            return {"version": ids["version"]}
        return body

    def state(self, world: World) -> Any:
        """What there is of the other tenant."""
        theirs = world.theirs
        theirs.refresh_from_db()
        related = (theirs.workers, theirs.domains, theirs.tokens, theirs.memberships, theirs.invitations)
        events = AuditEvent.objects.filter(tenant=theirs).count()
        return theirs.name, theirs.revision, events, [sorted(rows.values_list("pk", flat=True), key=str) for rows in related]
