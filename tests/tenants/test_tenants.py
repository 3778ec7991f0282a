"""Tenants, people, tokens: made, refused, authenticated, ended."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tenants import selectors, services
from tenants.access import Access
from tenants.actor import Actor
from tenants.errors import (
    FieldInvalid,
    HostnameInvalid,
    LimitInvalid,
    NameTaken,
    TenantNameInvalid,
    TenantNotFound,
    TenantSuspended,
    TokenInvalid,
    TokenNotFound,
    TokenScopeMissing,
    WorkerNameInvalid,
)
from tenants.models import ApiToken, AuditEvent, Membership, Tenant, User
from tenants.names import check_hostname, check_tenant_slug, check_worker_name

SYSTEM = Actor.system()


class TestNames:
    @pytest.mark.parametrize("slug", ["a", "acme", "a-b", "0x", "a" * 63])
    def test_good_tenants(self, slug):
        assert check_tenant_slug(slug) == slug

    @pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a.b", "a_b", "a" * 64, "é", "www", "api", "xn--abc", "a\n", "a b"])
    def test_bad_tenants(self, slug):
        with pytest.raises(TenantNameInvalid):
            check_tenant_slug(slug)

    @pytest.mark.parametrize("name", ["a", "_", "0", "my-worker", "my_worker-", "a" * 63])
    def test_good_workers(self, name):
        assert check_worker_name(name) == name

    @pytest.mark.parametrize("name", ["", "-a", "A", "a.b", "a/b", "..", "a" * 64, "é", "a\n", "a%2fb"])
    def test_bad_workers(self, name):
        with pytest.raises(WorkerNameInvalid):
            check_worker_name(name)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "com",
            "a..b",
            "-a.com",
            "1.2.3.4",
            "a.localhost",
            "localhost",
            "é.com",
            "a_b.com",
            "a" * 64 + ".com",
            ("a" * 60 + ".") * 5 + "com",
            "a.com\n",
            "*.a.com",
        ],
    )
    def test_bad_hosts(self, name):
        with pytest.raises(HostnameInvalid):
            check_hostname(name, reserved=("localhost",))

    def test_hosts_lose_their_case_and_closing_dot(self):
        assert check_hostname("Shop.Example.COM.", reserved=()) == "shop.example.com"

    @given(st.text(max_size=80))
    def test_any_text_is_taken_or_refused(self, text):
        for check in (check_tenant_slug, check_worker_name, lambda name: check_hostname(name, reserved=())):
            with contextlib.suppress(FieldInvalid):
                check(text)


@pytest.mark.django_db
class TestTenants:
    def test_a_tenant_is_made_with_its_owner(self):
        user = services.user_create(email="Ada@Example.com", password="correct horse battery", actor=SYSTEM)
        tenant = services.tenant_create(slug="acme", owner=user, actor=SYSTEM)
        assert len(tenant.account_id) == 32
        assert list(selectors.tenants_of_user(user=user)) == [tenant]
        assert tenant.memberships.get().role == Membership.Role.OWNER
        assert selectors.tenant_by_account(account_id=tenant.account_id) == tenant
        assert AuditEvent.objects.filter(tenant=tenant, action="tenant_create").exists()

    def test_names_and_accounts_are_unique(self, tenant):
        with pytest.raises(NameTaken):
            services.tenant_create(slug="acme", actor=SYSTEM)
        with pytest.raises(NameTaken):
            services.tenant_create(slug="other", account_id=tenant.account_id, actor=SYSTEM)
        assert Tenant.objects.count() == 1

    @pytest.mark.parametrize("given", [{"account_id": "A" * 32}, {"account_id": "a" * 31}, {"name": "x" * 201}])
    def test_bad_fields_are_refused(self, given):
        with pytest.raises(FieldInvalid):
            services.tenant_create(slug="acme", actor=SYSTEM, **given)

    def test_limits_are_checked(self, tenant):
        with pytest.raises(LimitInvalid):
            services.tenant_create(slug="b", limits={"cpu": 1}, actor=SYSTEM)
        services.tenant_limits_set(tenant=tenant, limits={"cpu_ms": 50}, actor=SYSTEM)
        tenant.refresh_from_db()
        assert selectors.limits_effective(tenant=tenant).limits.cpu_ms == 50

    def test_an_unknown_account_is_not_found(self):
        with pytest.raises(TenantNotFound):
            selectors.tenant_by_account(account_id="f" * 32)

    def test_a_suspended_tenant_changes_nothing_until_it_is_resumed(self, tenant, upload_js):
        upload_js()
        services.tenant_suspend(tenant=tenant, reason="unpaid", actor=SYSTEM)
        tenant.refresh_from_db()
        for change in (
            upload_js,
            lambda: services.worker_delete(tenant=tenant, worker_name="hello", actor=SYSTEM),
            lambda: services.secret_put(tenant=tenant, worker_name="hello", name="A", text="", actor=SYSTEM, source="tests"),
            lambda: services.domain_add(tenant=tenant, worker_name="hello", hostname="a.example", actor=SYSTEM),
            lambda: services.token_create(tenant=tenant, name="t", scopes=["workers:read"], actor=SYSTEM),
        ):
            with pytest.raises(TenantSuspended, match="unpaid"):
                change()
        services.tenant_resume(tenant=tenant, actor=SYSTEM)
        tenant.refresh_from_db()
        upload_js()


@pytest.mark.django_db
class TestUsers:
    def test_addresses_are_one_whatever_their_case(self):
        services.user_create(email=" Ada@Example.com ", password=None, actor=SYSTEM)
        with pytest.raises(NameTaken):
            services.user_create(email="ada@example.COM", password=None, actor=SYSTEM)
        assert User.objects.get_by_natural_key("ADA@example.com").email == "ada@example.com"

    def test_passwords_are_kept_by_argon2(self):
        user = services.user_create(email="op@example.com", password="correct horse battery", operator=True, actor=SYSTEM)
        assert user.password.startswith("argon2$argon2id$")
        assert user.is_staff
        assert user.check_password("correct horse battery")

    def test_an_address_must_be_one(self):
        with pytest.raises(FieldInvalid):
            services.user_create(email="nonsense", password=None, actor=SYSTEM)


@pytest.mark.django_db
class TestTokens:
    def test_only_the_hash_is_stored(self, token):
        row, secret = token
        assert secret.startswith(row.prefix)
        assert row.digest == hashlib.sha256(secret.encode()).hexdigest()
        assert secret not in str(vars(ApiToken.objects.get()))
        assert services.token_authenticate(secret=secret) == row

    def test_scopes_to_write_include_those_to_read(self, token):
        access = Access.of_token(token[0])
        assert access.allows("workers:read")
        assert not access.allows("operator")
        with pytest.raises(TokenScopeMissing) as refused:
            access.require("operator")
        assert refused.value.detail == {"scope": "operator"}
        reading = Access.of_token(ApiToken(scopes=["workers:read"]))
        assert not reading.allows("workers:write")

    def test_a_mistyped_one_is_refused_without_asking_the_database(self, token, django_assert_num_queries):
        _, secret = token
        changed = secret[:20] + ("a" if secret[20] != "a" else "b") + secret[21:]
        with django_assert_num_queries(0):
            for wrong in ("", "hst_", secret[:-1], secret + "x", changed, "x" + secret[1:], secret.upper(), f" {secret}"):
                with pytest.raises(TokenInvalid):
                    services.token_authenticate(secret=wrong)

    @given(st.text(max_size=80))
    def test_any_text_is_refused(self, text):
        with pytest.raises(TokenInvalid):
            services.token_authenticate(secret=text)

    def test_revoked_expired_and_deactivated_ones_are_refused(self, tenant):
        user = services.user_create(email="ada@example.com", password=None, actor=SYSTEM)
        Membership.objects.create(tenant=tenant, user=user, role="viewer")
        row, secret = services.token_create(
            tenant=tenant, name="t", scopes=["workers:read"], user=user, expires_at=timezone.now() + timedelta(hours=1), actor=SYSTEM
        )
        services.token_authenticate(secret=secret)
        for change in ({"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}):
            ApiToken.objects.filter(pk=row.pk).update(**change)
            with pytest.raises(TokenInvalid):
                services.token_authenticate(secret=secret)
            ApiToken.objects.filter(pk=row.pk).update(revoked_at=None, expires_at=None)
        User.objects.update(is_active=False)
        with pytest.raises(TokenInvalid):
            services.token_authenticate(secret=secret)

    def test_revoking_ends_it(self, token):
        row, secret = token
        services.token_revoke(token=row, actor=SYSTEM)
        with pytest.raises(TokenInvalid):
            services.token_authenticate(secret=secret)

    def test_the_last_use_is_written_once_a_minute(self, token, django_assert_num_queries):
        row, secret = token
        with django_assert_num_queries(2):
            services.token_authenticate(secret=secret)
        with django_assert_num_queries(1):
            services.token_authenticate(secret=secret)
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=timezone.now() - timedelta(seconds=61))
        with django_assert_num_queries(2):
            services.token_authenticate(secret=secret)

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["root"]}, "scopes"),
            ({"scopes": ["operator"]}, "scopes"),
            ({"tenant": None}, "scopes"),
            ({"expires_at": timezone.now() - timedelta(days=1)}, "expires_at"),
        ],
    )
    def test_bad_ones_are_not_made(self, tenant, given, field):
        with pytest.raises(FieldInvalid) as refused:
            services.token_create(**{"tenant": tenant, "name": "t", "scopes": ["workers:read"], "actor": SYSTEM, **given})
        assert refused.value.detail["field"] == field
        assert not ApiToken.objects.exists()

    def test_operators_have_tokens_without_a_tenant(self):
        row, secret = services.token_create(tenant=None, name="ops", scopes=["operator"], actor=SYSTEM)
        assert services.token_authenticate(secret=secret).tenant is None
        assert "operator" in row.held()

    def test_another_tenants_token_is_not_found(self, token, other_tenant):
        row, _ = token
        assert selectors.token_get(tenant=row.tenant, token_id=row.pk) == row
        for tenant, token_id in ((other_tenant, row.pk), (row.tenant, "nonsense")):
            with pytest.raises(TokenNotFound):
                selectors.token_get(tenant=tenant, token_id=token_id)
        assert not selectors.token_list(tenant=other_tenant).exists()


@pytest.mark.django_db
def test_audit_events_are_only_ever_added(tenant):
    event = AuditEvent.objects.first()
    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        event.delete()


@pytest.mark.django_db
def test_counts_are_exact_and_forgotten():
    found = [services.throttle(key="k", limit=2, period_seconds=3600) for _ in range(3)]
    assert [one.allowed for one in found] == [True, True, False]
    assert [one.count for one in found] == [1, 2, 3]
    assert 1 <= found[0].resets_in <= 3600
    assert services.throttle(key="other", limit=2, period_seconds=3600).allowed
    assert services.throttles_prune() == 0


@pytest.mark.django_db
def test_an_invalid_user_is_refused_by_the_model_too():
    with pytest.raises(ValidationError):
        User.objects.create_user("not an address")
