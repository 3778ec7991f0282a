"""Members, roles and invitations: the rules that hold whoever asks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tenants import selectors, services
from tenants.actor import Actor
from tenants.errors import (
    ChangedMeanwhile,
    FieldInvalid,
    HostnameInvalid,
    InvitationForAnother,
    InvitationNotFound,
    LastOwner,
    MemberAlready,
    MemberNotFound,
    NameTaken,
    QuotaExceeded,
    TenantNameInvalid,
    TokenInvalid,
    TokenScopeMissing,
    WorkerNameInvalid,
)
from tenants.models import AuditEvent, Invitation, Membership, Tenant, User
from tenants.names import check_email, check_hostname, check_tenant_slug, check_worker_name
from tenants.roles import INCLUDED, ROLE_SCOPES, Role, Scope, expanded, role_scopes
from tests.parallel import at_once

SYSTEM = Actor.system()
pytestmark = pytest.mark.django_db


def user(name: str) -> User:
    return services.user_create(email=f"{name}@example.com", password=None, actor=SYSTEM)


@pytest.fixture
def ada(tenant: Tenant) -> Membership:
    """The owner."""
    return services.member_add(tenant=tenant, user=user("ada"), role="owner", actor=SYSTEM)


@pytest.fixture
def bob(tenant: Tenant) -> Membership:
    return services.member_add(tenant=tenant, user=user("bob"), role="developer", actor=SYSTEM)


class TestTables:
    def test_every_role_has_its_row_and_none_acts_on_the_platform(self):
        assert set(ROLE_SCOPES) == set(Role.values)
        assert all(Scope.OPERATOR not in role_scopes(role) for role in Role.values)
        assert role_scopes("root") == frozenset()

    def test_an_owner_may_what_anybody_may(self):
        assert role_scopes("owner") == set(Scope.values) - {Scope.OPERATOR}
        for role in Role.values:
            assert role_scopes(role) <= role_scopes("owner")

    def test_including_is_closed(self):
        for scope in INCLUDED:
            assert expanded(expanded([scope])) == expanded([scope])

    @given(st.sets(st.sampled_from(Scope.values)))
    def test_expanding_only_adds_and_twice_is_once(self, scopes):
        assert scopes <= expanded(scopes) == expanded(expanded(scopes))


class TestMembers:
    def test_only_an_owner_makes_and_unmakes_owners(self, tenant, ada, bob):
        for member, role in ((bob, "owner"), (ada, "admin")):
            with pytest.raises(TokenScopeMissing) as refused:
                services.member_role_set(tenant=tenant, member_id=member.pk, role=role, may_own=False, actor=SYSTEM)
            assert refused.value.detail == {"scope": "tenant:own"}
        with pytest.raises(TokenScopeMissing):
            services.member_remove(tenant=tenant, member_id=ada.pk, may_own=False, actor=SYSTEM)
        services.member_role_set(tenant=tenant, member_id=bob.pk, role="viewer", may_own=False, actor=SYSTEM)
        services.member_role_set(tenant=tenant, member_id=bob.pk, role="owner", may_own=True, actor=SYSTEM)

    def test_the_last_owner_stays(self, tenant, ada, bob):
        with pytest.raises(LastOwner):
            services.member_role_set(tenant=tenant, member_id=ada.pk, role="admin", may_own=True, actor=SYSTEM)
        with pytest.raises(LastOwner):
            services.member_remove(tenant=tenant, member_id=ada.pk, may_own=True, actor=SYSTEM)
        with pytest.raises(LastOwner):
            services.tenant_leave(tenant=tenant, user=ada.user, actor=SYSTEM)
        services.member_role_set(tenant=tenant, member_id=ada.pk, role="owner", may_own=True, actor=SYSTEM)
        services.member_role_set(tenant=tenant, member_id=bob.pk, role="owner", may_own=True, actor=SYSTEM)
        services.tenant_leave(tenant=tenant, user=ada.user, actor=SYSTEM)
        assert [member.user.email for member in selectors.member_list(tenant=tenant)] == ["bob@example.com"]

    def test_who_leaves_takes_tokens_and_invitations_along(self, tenant, ada, bob):
        _, secret = services.token_create(tenant=tenant, name="t", scopes=["workers:read"], user=bob.user, actor=SYSTEM)
        sent, _ = services.invitation_create(tenant=tenant, role="viewer", invited_by=bob.user, may_own=False, actor=SYSTEM)
        services.member_remove(tenant=tenant, member_id=bob.pk, may_own=False, actor=SYSTEM)
        services.member_add(tenant=tenant, user=bob.user, role="admin", actor=SYSTEM)
        with pytest.raises(TokenInvalid):
            services.token_authenticate(secret=secret)
        sent.refresh_from_db()
        assert sent.revoked_at is not None

    def test_one_who_looked_at_an_older_state_is_told(self, tenant, ada, bob):
        services.member_role_set(tenant=tenant, member_id=bob.pk, role="admin", may_own=True, expected=1, actor=SYSTEM)
        for change in (
            lambda: services.member_role_set(tenant=tenant, member_id=bob.pk, role="viewer", may_own=True, expected=1, actor=SYSTEM),
            lambda: services.member_remove(tenant=tenant, member_id=bob.pk, may_own=True, expected=1, actor=SYSTEM),
        ):
            with pytest.raises(ChangedMeanwhile) as refused:
                change()
            assert refused.value.detail == {"revision": 2}
        services.member_remove(tenant=tenant, member_id=bob.pk, may_own=True, expected=2, actor=SYSTEM)

    def test_strangers_and_nonsense(self, tenant, other_tenant, ada):
        for member_id in (ada.pk, 0, 2**80):
            where = other_tenant if member_id == ada.pk else tenant
            with pytest.raises(MemberNotFound):
                services.member_role_set(tenant=where, member_id=member_id, role="admin", may_own=True, actor=SYSTEM)
            with pytest.raises(MemberNotFound):
                selectors.member_get(tenant=where, member_id=member_id)
        with pytest.raises(MemberAlready):
            services.member_add(tenant=tenant, user=ada.user, role="viewer", actor=SYSTEM)
        with pytest.raises(FieldInvalid):
            services.member_add(tenant=tenant, user=user("eve"), role="root", actor=SYSTEM)
        with pytest.raises(MemberNotFound):
            services.tenant_leave(tenant=other_tenant, user=ada.user, actor=SYSTEM)

    def test_what_was_done_is_recorded(self, tenant, ada, bob):
        services.member_role_set(tenant=tenant, member_id=bob.pk, role="viewer", may_own=True, actor=SYSTEM)
        event = AuditEvent.objects.filter(action="member_role_set").get()
        assert (event.target, event.before, event.after) == ("bob@example.com", {"role": "developer"}, {"role": "viewer"})


class TestInvitations:
    def make(self, tenant, **values):
        return services.invitation_create(**{"tenant": tenant, "role": "developer", "may_own": False, "actor": SYSTEM, **values})

    def accept(self, secret, who, verified=()):
        return services.invitation_accept(secret=secret, user=who, verified=verified, actor=Actor.of_user(who))

    def test_it_is_good_once(self, tenant):
        row, secret = self.make(tenant)
        assert secret not in str(vars(Invitation.objects.get()))
        assert services.invitation_find(secret=secret).tenant == tenant
        bob, eve = user("bob"), user("eve")
        assert self.accept(secret, bob).role == "developer"
        with pytest.raises(InvitationNotFound):
            self.accept(secret, eve)
        row.refresh_from_db()
        assert (row.accepted_by, row.accepted_at is not None) == (bob, True)
        with pytest.raises(InvitationNotFound):
            services.invitation_revoke(tenant=tenant, invitation_id=row.pk, actor=SYSTEM)

    def test_it_expires_and_can_be_taken_back(self, tenant):
        row, secret = self.make(tenant, hours=1)
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        with pytest.raises(InvitationNotFound):
            self.accept(secret, user("bob"))
        row, secret = self.make(tenant)
        services.invitation_revoke(tenant=tenant, invitation_id=row.pk, actor=SYSTEM)
        services.invitation_revoke(tenant=tenant, invitation_id=row.pk, actor=SYSTEM)
        with pytest.raises(InvitationNotFound):
            services.invitation_find(secret=secret)

    def test_one_for_an_address_is_for_whoever_has_verified_it(self, tenant):
        _, secret = self.make(tenant, email=" Bob@Example.com ")
        bob = user("bob")
        for verified in ((), ("eve@example.com",)):
            with pytest.raises(InvitationForAnother):
                self.accept(secret, bob, verified)
        assert self.accept(secret, bob, ("bob@example.com",)).role == "developer"

    def test_a_member_does_not_use_it_up(self, tenant, ada):
        _, secret = self.make(tenant)
        with pytest.raises(MemberAlready):
            self.accept(secret, ada.user)
        assert self.accept(secret, user("bob"))

    def test_bounds(self, tenant, other_tenant, monkeypatch):
        for wrong, field in (({"role": "root"}, "role"), ({"hours": 0}, "hours"), ({"hours": 721}, "hours"), ({"email": "x"}, "email")):
            with pytest.raises(FieldInvalid) as refused:
                self.make(tenant, **wrong)
            assert refused.value.detail["field"] == field
        with pytest.raises(TokenScopeMissing):
            self.make(tenant, role="owner")
        row, _ = self.make(tenant, role="owner", may_own=True, hours=720)
        with pytest.raises(InvitationNotFound):
            services.invitation_revoke(tenant=other_tenant, invitation_id=row.pk, actor=SYSTEM)
        monkeypatch.setattr("tenants.services.invitations.OPEN_COUNT", 1)
        with pytest.raises(QuotaExceeded):
            self.make(tenant)
        services.invitation_revoke(tenant=tenant, invitation_id=row.pk, actor=SYSTEM)
        assert self.make(tenant)

    @given(st.text(max_size=60))
    def test_any_other_text_is_none(self, text):
        with pytest.raises(InvitationNotFound):
            services.invitation_find(secret=text)


class TestOwnTenants:
    def test_a_person_makes_some_and_owns_them(self, settings, tenant):
        ada = user("ada")
        made = [
            services.tenant_found(slug=f"ada-{n}", user=ada, actor=Actor.of_user(ada))
            for n in range(settings.HOSTEL.max_tenants_per_person)
        ]
        with pytest.raises(QuotaExceeded) as refused:
            services.tenant_found(slug="one-more", user=ada, actor=Actor.of_user(ada))
        assert refused.value.detail == {"limit": 5}
        assert {row.role for row in selectors.memberships_of_user(user=ada)} == {"owner"}
        # To belong to another's tenant is no ownership.
        services.member_add(tenant=tenant, user=ada, role="developer", actor=SYSTEM)
        services.member_add(tenant=made[0], user=user("bob"), role="owner", actor=SYSTEM)
        services.tenant_leave(tenant=made[0], user=ada, actor=SYSTEM)
        assert services.tenant_found(slug="one-more", user=ada, actor=Actor.of_user(ada))

    def test_renaming(self, tenant):
        assert services.tenant_rename(tenant=tenant, name="Acme & Sons", expected=1, actor=SYSTEM).revision == 2
        with pytest.raises(ChangedMeanwhile):
            services.tenant_rename(tenant=tenant, name="Acme", expected=1, actor=SYSTEM)
        for name in ("", "x" * 201, "\0"):
            with pytest.raises(FieldInvalid):
                services.tenant_rename(tenant=tenant, name=name, actor=SYSTEM)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """What two people do in the same moment; on SQLite, one writer waits for the other."""

    def test_of_two_owners_who_leave_one_stays(self, tenant):
        people = [user(f"o{n}") for n in range(2)]
        for person in people:
            services.member_add(tenant=tenant, user=person, role="owner", actor=SYSTEM)
        done = at_once([lambda person=person: services.tenant_leave(tenant=tenant, user=person, actor=SYSTEM) for person in people])
        assert sorted(type(one).__name__ for one in done) == ["LastOwner", "NoneType"]

    def test_one_invitation_lets_one_in(self, tenant):
        _, secret = services.invitation_create(tenant=tenant, role="viewer", may_own=False, actor=SYSTEM)
        people = [user(f"p{n}") for n in range(4)]
        done = at_once([lambda who=who: services.invitation_accept(secret=secret, user=who, verified=(), actor=SYSTEM) for who in people])
        assert sorted(type(one).__name__ for one in done) == ["InvitationNotFound"] * 3 + ["Membership"]
        assert Membership.objects.count() == 1

    def test_one_slug_goes_to_one(self):
        people = [user(f"s{n}") for n in range(3)]
        done = at_once([lambda who=who: services.tenant_found(slug="wanted", user=who, actor=SYSTEM) for who in people])
        assert sorted(type(one).__name__ for one in done) == ["NameTaken", "NameTaken", "Tenant"]
        assert isinstance(next(one for one in done if isinstance(one, Exception)), NameTaken)

    def test_nobody_owns_more_by_asking_often(self, settings):
        who, most = user("greedy"), settings.HOSTEL.max_tenants_per_person
        done = at_once([lambda n=n: services.tenant_found(slug=f"g{n}", user=who, actor=SYSTEM) for n in range(most + 3)])
        assert sum(isinstance(one, Tenant) for one in done) == most
        assert connection.vendor in {"sqlite", "postgresql"}


class TestNames:
    # Cyrillic a, fullwidth m, Greek omicron, dotless i, Kelvin sign, long s, zero-width joiner, soft hyphen, full stop of another script.
    @pytest.mark.parametrize(
        "odd", ["\u0430cme", "ac\uff4de", "acm\u03bf", "acm\u0131", "\u212aey", "a\u017fe", "ac\u200dme", "ac\u00adme", "a\u3002b"]
    )
    def test_look_alikes_are_nobodys_name(self, odd):
        for check, error in (
            (check_tenant_slug, TenantNameInvalid),
            (check_worker_name, WorkerNameInvalid),
            (lambda name: check_hostname(f"{name}.example.com", reserved=()), HostnameInvalid),
            (lambda name: check_email(f"{name}@example.com"), FieldInvalid),
            (lambda name: check_email(f"x@{name}.example.com"), FieldInvalid),
        ):
            with pytest.raises(error):
                check(odd)

    @given(st.text(min_size=1, max_size=20).filter(lambda text: not text.isascii()))
    def test_no_name_has_letters_that_are_not_ascii(self, text):
        for check, error in ((check_tenant_slug, TenantNameInvalid), (check_worker_name, WorkerNameInvalid)):
            with pytest.raises(error):
                check(text)

    def test_an_address_is_one_however_it_is_written(self):
        assert {check_email(text) for text in ("Ada@Example.com", " ada@example.COM ", "ADA@EXAMPLE.COM")} == {"ada@example.com"}
        for wrong in ("", "ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\0", f"{'a' * 250}@x.de"):
            with pytest.raises(FieldInvalid):
                check_email(wrong)
