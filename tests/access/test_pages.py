"""Pages of people and operators: each for whom the table says, and nobody sees another person's things."""

from __future__ import annotations

import json

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.test import Client

from controlplane.access import Route, routes
from tenants import services
from tenants.models import User
from tenants.roles import WORKER_SCOPES
from tests.access.conftest import HELLO, SYSTEM, Caller, World
from tests.conftest import script

# What stands for a page's parameters.
FILLED = {
    "path": "ui/tokens.css",
    "form": "x",
    "name": "codemirror-0000000000000000.js",
    "uidb36": "1",
    "key": "x",
    "provider_id": "none",
    "secret": "x",
    "pk": "1",
    "object_id": "1",
    "content_type_id": "1",
    "app_label": "tenants",
    "url": "nothing/",
    "tenant": "acme",
    "plan": "default",
    "job_id": "00000000-0000-4000-8000-000000000000",
}
LOGIN = ("/accounts/login/", "/admin/login/")


def pages(kind: str) -> list[tuple[Route, str]]:
    found = [route for route in routes() if route.surface == "page" and route.kind == kind]
    for route in found:
        assert set(route.parameters) <= set(FILLED), f"{route.path}: say in FILLED what stands for its parameters"
    return [(route, route.path.format(**FILLED)) for route in found]


def browser(user: User | None = None) -> Client:
    client = Client(headers={"host": "localhost"}, raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client


class TestPages:
    def test_the_walk_finds_them(self) -> None:
        assert len(pages("operator")) > 50
        assert len(pages("person")) > 15
        assert len(pages("anonymous")) > 20

    def test_nobody_is_told_anything_of_a_person(self, world: World) -> None:
        client = browser()
        for method in ("GET", "POST"):
            for route, path in [*pages("person"), *pages("operator")]:
                found = client.generic(method, path)
                refused = found.status_code in {401, 403, 404, 405, 429} or (
                    found.status_code == 302 and found.headers["Location"].startswith(LOGIN)
                )
                assert refused, (method, route.path, found.status_code, found.headers.get("Location"))

    def test_a_person_is_told_nothing_of_the_platform(self, world: World) -> None:
        client = browser(world.people["owner"])
        for method in ("GET", "POST"):
            for route, path in pages("operator"):
                found = client.generic(method, path)
                refused = found.status_code in {401, 403, 404, 405} or (
                    found.status_code == 302 and found.headers["Location"].startswith("/admin/login/")
                )
                assert refused, (method, route.path, found.status_code)

    def test_operators_see_theirs(self, world: World) -> None:
        client = browser(world.people["root"])
        for path in ("/admin/", "/admin/tenants/tenant/", "/admin/tenants/user/", "/admin/jobs/job/"):
            assert client.get(path).status_code == 200, path
        # Rows are looked at only.
        for route, path in pages("operator"):
            if route.path.startswith("/admin/tenants/") and route.path.endswith(("/add/", "/delete/")):
                assert client.post(path).status_code in {302, 403, 404}, route.path
        assert world.theirs.workers.exists()

    def test_no_page_ever_fails(self, world: World) -> None:
        for user in (None, world.people["viewer"], world.people["root"]):
            client = browser(user)
            for kind in ("anonymous", "person"):
                for route, path in pages(kind):
                    for method in ("GET", "POST"):
                        assert client.generic(method, path).status_code < 500, (method, route.path)


class TestAnotherPersonsThings:
    def test_keys(self, world: World) -> None:
        theirs = Authenticator.objects.create(user=world.people["outsider"], type="webauthn", data={"name": "k", "credential": {}})
        client = browser(world.people["owner"])
        for page in ("remove", "edit"):
            for method in ("GET", "POST"):
                found = client.generic(method, f"/accounts/2fa/webauthn/keys/{theirs.pk}/{page}/")
                assert found.status_code in {302, 404}, page
        assert Authenticator.objects.filter(pk=theirs.pk).exists()

    def test_sessions(self, world: World) -> None:
        UserSession.objects.create(user=world.people["outsider"], ip="192.0.2.77", session_key="k" * 32, user_agent="theirs")
        client = browser(world.people["owner"])
        assert "192.0.2.77" not in client.get("/accounts/sessions/").content.decode()
        client.post("/accounts/sessions/")
        assert UserSession.objects.filter(user_agent="theirs").exists()


@pytest.mark.parametrize("limited_to", ["hello"])
def test_a_token_for_some_workers_is_told_of_no_other_anywhere(world: World, limited_to: str) -> None:
    hidden = services.version_upload(
        tenant=world.ours, worker_name="concealed", upload=script(HELLO), actor=SYSTEM, source="tests", deploy=True
    )
    services.domain_add(tenant=world.ours, worker_name="concealed", hostname="concealed.example.com", actor=SYSTEM)
    _, secret = services.token_create(
        tenant=world.ours, name="t", scopes=sorted(WORKER_SCOPES - {"workers:deploy"}), workers=[limited_to], actor=SYSTEM
    )
    caller = Caller("limited", "limited", None, secret)
    ids = {
        **world.things,
        "account": world.ours.account_id,
        "worker": "concealed",
        "name": "concealed",
        "version": str(hidden.version.pk),
        "deployment": str(hidden.deployment.uuid) if hidden.deployment else "",
        "domain": str(world.ours.domains.get(worker__name="concealed").pk),
    }
    answered = 0
    for route in routes():
        if route.surface == "page" or route.kind != "tenant" or route.method == "POST":
            continue
        reply = caller.call(route.method, route.path.format(**ids), body=None if route.method == "GET" else {})
        told = json.dumps([reply.headers.get("Location", ""), b"".join(reply).decode() if reply.streaming else reply.content.decode()])
        if reply.status_code < 300:
            answered += 1
            assert str(hidden.version.pk) not in told, route
            assert "concealed" not in told, route
        else:
            assert reply.status_code in {400, 403, 404, 405, 415}, (route, reply.content)
    assert answered > 5
    hidden.worker.refresh_from_db()
    assert hidden.worker.last_version_number == 1
