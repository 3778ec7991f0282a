"""People and their tenants over HTTP: who one is, making tenants, members, invitations."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from tenants import services
from tenants.actor import Actor
from tenants.models import Membership, User
from tenants.roles import role_scopes
from tests.api.conftest import Native, Reply

SYSTEM = Actor.system()


class Browser(Native):
    """Somebody's browser; it names the tenant `acme` unless told otherwise."""

    def call(self, method: str, path: str, value: Any = None, **options: Any) -> Reply:
        return super().call(method, path, value, **{"Authorization": "", "X-Hostel-Tenant": self.tenant.slug, **options})


@pytest.fixture
def people(native: Native) -> dict[str, Browser]:
    """A member of each role, by role, and one stranger."""
    found = {}
    for role in ("owner", "admin", "developer", "viewer", "billing", "stranger"):
        user = services.user_create(email=f"{role}@example.com", password=None, name=role.title(), actor=SYSTEM)
        if role != "stranger":
            services.member_add(tenant=native.tenant, user=user, role=role, actor=SYSTEM)
        client = Client(headers={"host": "localhost"})
        client.force_login(user)
        found[role] = Browser(client, native.tenant, "")
    return found


def member_id(email: str) -> int:
    return Membership.objects.get(user__email=email).pk


class TestMyself:
    def test_a_person_sees_their_tenants_and_rights(self, people: dict[str, Browser]) -> None:
        me = people["viewer"].get("/me").json
        assert (me["email"], me["name"], me["operator"], me["token"]) == ("viewer@example.com", "Viewer", False, None)
        assert me["tenants"] == [{"slug": "acme", "name": "Acme", "role": "viewer", "scopes": sorted(role_scopes("viewer"))}]
        assert people["stranger"].get("/me").json["tenants"] == []

    def test_a_session_learns_the_form_token(self, native: Native, people: dict[str, Browser]) -> None:
        assert native.get("/me").json["form_token"] is None
        client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
        client.force_login(User.objects.get(email="stranger@example.com"))
        strict = Browser(client, native.tenant, "")
        body = {"slug": "mine"}
        assert strict.post("/tenants", body).problem["code"] == "csrf_refused"
        token = strict.get("/me").json["form_token"]
        assert strict.post("/tenants", body, **{"X-CSRFToken": token}).status == 201

    def test_a_token_sees_itself(self, native: Native) -> None:
        me = native.get("/me").json
        assert (me["email"], me["tenants"], me["token"]["tenant"], me["token"]["name"]) == (None, [], "acme", "tests")
        assert "workers:read" in me["token"]["scopes"]
        assert native.get("/me", Authorization="").problem["code"] == "credentials_missing"


class TestTenants:
    def test_a_person_makes_one_and_owns_it(self, people: dict[str, Browser]) -> None:
        stranger = people["stranger"]
        made = stranger.post("/tenants", {"slug": "mine", "name": "My own"})
        assert (made.status, made.json["slug"], made.headers["ETag"]) == (201, "mine", '"1"')
        assert [(row["slug"], row["role"]) for row in stranger.get("/tenants").json["items"]] == [("mine", "owner")]
        assert stranger.get("/workers", **{"X-Hostel-Tenant": "mine"}).status == 200
        assert stranger.post("/tenants", {"slug": "acme"}).problem["code"] == "name_taken"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "slug"),
            ({"slug": "Up"}, "slug"),
            ({"slug": "a/b"}, "slug"),
            ({"slug": " a"}, "slug"),
            ({"slug": "api"}, "slug"),
            ({"slug": "\u0430cme"}, "slug"),
            ({"slug": "a" * 64}, "slug"),
            ({"slug": "a", "name": "x" * 201}, "name"),
            ({"slug": "a", "limits": {}}, "limits"),
        ],
    )
    def test_bad_ones(self, people: dict[str, Browser], body: dict[str, Any], field: str) -> None:
        refused = people["stranger"].post("/tenants", body)
        assert (refused.status, refused.problem["field"]) == (400, field)

    def test_tokens_make_none(self, native: Native) -> None:
        for method in ("GET", "POST"):
            assert native.call(method, "/tenants", {"slug": "x"}).problem["code"] == "session_required"

    def test_two_who_rename_it_at_once(self, people: dict[str, Browser]) -> None:
        owner, admin = people["owner"], people["admin"]
        seen = owner.get("/tenant").headers["ETag"]
        first = admin.call("PATCH", "/tenant", {"name": "First"}, **{"If-Match": seen})
        assert (first.status, first.json["name"]) == (200, "First")
        second = owner.call("PATCH", "/tenant", {"name": "Second"}, **{"If-Match": seen})
        assert (second.status, second.problem["code"]) == (412, "changed_meanwhile")
        again = owner.call("PATCH", "/tenant", {"name": "Second"}, **{"If-Match": owner.get("/tenant").headers["ETag"]})
        assert again.status == 200
        assert owner.call("PATCH", "/tenant", {"name": "Third"}, **{"If-Match": "*"}).status == 200
        for wrong in ("x", 'W/"1"', '"1", "2"', '"x"', '"' + "9" * 40 + '"'):
            assert owner.call("PATCH", "/tenant", {"name": "x"}, **{"If-Match": wrong}).problem["field"] == "If-Match"

    def test_a_workers_settings_too(self, native: Native) -> None:
        native.upload()
        seen = native.get("/workers/hello/settings").headers["ETag"]
        first = native.call("PATCH", "/workers/hello/settings", {"tags": ["a"]}, **{"If-Match": seen})
        assert first.status == 200
        refused = native.call("PATCH", "/workers/hello/settings", {"tags": ["b"]}, **{"If-Match": seen})
        assert (refused.status, refused.problem["code"]) == (412, "changed_meanwhile")
        assert native.get("/workers/hello/settings").json["tags"] == ["a"]
        assert native.call("PATCH", "/workers/hello/settings", {"tags": ["b"]}, **{"If-Match": first.headers["ETag"]}).status == 200


class TestMembers:
    def test_everybody_with_the_right_sees_them(self, people: dict[str, Browser]) -> None:
        for role in ("owner", "viewer", "billing"):
            shown = people[role].get("/members").json["items"]
            assert [member["role"] for member in shown] == ["admin", "billing", "developer", "owner", "viewer"]
        assert people["stranger"].get("/members").problem["code"] == "tenant_not_found"

    def test_admins_change_roles_but_not_owners(self, people: dict[str, Browser]) -> None:
        admin, owner = people["admin"], people["owner"]
        path = f"/members/{member_id('viewer@example.com')}"
        changed = admin.call("PATCH", path, {"role": "developer"})
        assert (changed.json["role"], changed.headers["ETag"]) == ("developer", '"2"')
        assert admin.call("PATCH", path, {"role": "owner"}).problem["scope"] == "tenant:own"
        assert admin.call("DELETE", f"/members/{member_id('owner@example.com')}").problem["scope"] == "tenant:own"
        assert owner.call("PATCH", path, {"role": "owner"}).status == 200
        assert owner.call("PATCH", path, {"role": "root"}).problem["field"] == "role"
        assert people["developer"].call("PATCH", path, {"role": "viewer"}).problem["scope"] == "tenant:write"

    def test_the_last_owner_cannot_go(self, people: dict[str, Browser]) -> None:
        owner = people["owner"]
        own = f"/members/{member_id('owner@example.com')}"
        for refused in (owner.call("DELETE", own), owner.call("PATCH", own, {"role": "admin"}), owner.post("/tenant/leave")):
            assert (refused.status, refused.problem["code"]) == (409, "last_owner")

    def test_leaving(self, native: Native, people: dict[str, Browser]) -> None:
        assert people["viewer"].post("/tenant/leave").status == 204
        assert people["viewer"].get("/members").problem["code"] == "tenant_not_found"
        assert native.post("/tenant/leave").problem["code"] == "session_required"

    def test_removing_takes_the_persons_tokens(self, people: dict[str, Browser]) -> None:
        secret = people["developer"].post("/tokens", {"name": "t", "scopes": ["workers:read"]}).json["secret"]
        bearer = {"Authorization": f"Bearer {secret}"}
        assert people["owner"].get("/workers", **bearer).status == 200
        assert people["admin"].call("DELETE", f"/members/{member_id('developer@example.com')}").status == 204
        assert people["owner"].get("/workers", **bearer).problem["code"] == "token_invalid"
        assert people["developer"].get("/workers").problem["code"] == "tenant_not_found"

    @pytest.mark.parametrize("number", [0, 2**31, 2**63, 2**80])
    def test_one_that_is_not_there(self, people: dict[str, Browser], number: int) -> None:
        assert people["owner"].get(f"/members/{number}").problem["code"] == "member_not_found"
        assert people["owner"].call("PATCH", f"/members/{number}", {"role": "viewer"}).problem["code"] == "member_not_found"


class TestInvitations:
    def test_made_shown_once_and_taken_back(self, people: dict[str, Browser]) -> None:
        made = people["admin"].post("/invitations", {"role": "developer", "email": "New@Example.com", "hours": 5})
        assert (made.status, made.json["email"], made.json["state"], made.json["invited_by"]) == (
            201,
            "new@example.com",
            "open",
            "admin@example.com",
        )
        secret = made.json["link"].rsplit("/", 2)[1]
        assert made.json["mailed"] is True
        assert mail.outbox[0].to == ["new@example.com"]
        assert made.json["link"] in str(mail.outbox[0].body)
        path = f"/invitations/{made.json['id']}"
        assert secret.encode() not in people["owner"].get(path).content + people["owner"].get("/invitations").content
        assert people["owner"].call("DELETE", path).status == 204
        assert people["owner"].get(path).json["state"] == "revoked"

    def test_accepting(self, native: Native, people: dict[str, Browser]) -> None:
        admin, stranger = people["admin"], people["stranger"]
        for email, answer in (("", 201), ("stranger@example.com", 409), ("another@example.com", 403)):
            made = admin.post("/invitations", {"role": "viewer", "email": email}).json
            secret = {"secret": made["link"].rsplit("/", 2)[1]}
            assert native.post("/invitations/accept", secret).problem["code"] == "session_required"
            assert stranger.post("/invitations/accept", secret).status == answer
        assert stranger.get("/me").json["tenants"][0]["role"] == "viewer"
        assert stranger.post("/invitations/accept", {"secret": "x" * 43}).problem["code"] == "invitation_not_found"
        assert stranger.post("/invitations/accept", {}).problem["field"] == "secret"

    def test_mail_that_cannot_be_sent_keeps_the_invitation(self, people: dict[str, Browser], monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_args: Any, **_kwargs: Any) -> None:
            raise ConnectionRefusedError

        monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
        made = people["admin"].post("/invitations", {"role": "viewer", "email": "new@example.com"})
        assert (made.status, made.json["mailed"], made.json["state"]) == (201, False, "open")

    def test_a_tenant_does_not_send_without_end(self, people: dict[str, Browser], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("accounts.invitations.PER_TENANT", 2)
        body = {"role": "viewer", "email": "new@example.com"}
        statuses = [people["admin"].post("/invitations", body).status for _ in range(3)]
        assert statuses == [201, 201, 429]
        assert people["admin"].post("/invitations", {"role": "viewer"}).status == 201

    def test_bounds(self, people: dict[str, Browser]) -> None:
        admin = people["admin"]
        for body, field in (
            ({}, "role"),
            ({"role": "root"}, "role"),
            ({"role": "viewer", "email": "x"}, "email"),
            ({"role": "viewer", "hours": 0}, "hours"),
            ({"role": "viewer", "hours": 100_000}, "hours"),
            ({"role": "viewer", "secret": "x"}, "secret"),
        ):
            refused = admin.post("/invitations", body)
            assert (refused.status, refused.problem["field"]) == (400, field)
        assert admin.post("/invitations", {"role": "owner"}).problem["scope"] == "tenant:own"
        assert people["developer"].post("/invitations", {"role": "viewer"}).problem["scope"] == "tenant:write"


def test_operators_have_no_say_in_tenants(native: Native) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_superuser("root@example.com"))
    root = Browser(client, native.tenant, "")
    for path in ("/workers", "/members", "/tokens", "/tenant"):
        assert root.get(path).problem["code"] == "tenant_not_found"
    assert root.get("/me").json["operator"] is True
