"""The envelope: opens in its own context with a known key, and in no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants import datakeys, secrets
from tenants.errors import SecretUnreadable
from tenants.keys import KeyRing
from tenants.models import DataKey

pytestmark = pytest.mark.django_db


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_sealed_comes_back(plain: bytes, context: str):
    context = context.encode("utf-8", "replace").decode()
    assert secrets.unseal(secrets.seal(plain, context=context), context=context) == plain
    assert secrets.unseal_bytes(secrets.seal_bytes(plain, context=context), context=context) == plain


def test_equal_secrets_are_sealed_differently_and_digested_equally():
    assert secrets.seal(b"x", context="a") != secrets.seal(b"x", context="a")
    assert secrets.keyed_digest(b"x", context="a") == secrets.keyed_digest(b"x", context="a")
    assert secrets.keyed_digest(b"x", context="a") != secrets.keyed_digest(b"x", context="b")
    assert b"plain" not in secrets.seal_bytes(b"plain" * 10, context="a")


def test_another_context_opens_nothing():
    with pytest.raises(SecretUnreadable):
        secrets.unseal(secrets.seal(b"x", context="tenant:1"), context="tenant:2")


@given(st.text(max_size=80))
def test_arbitrary_text_is_unreadable(sealed: str):
    with pytest.raises(SecretUnreadable):
        secrets.unseal(sealed, context="a")


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_unreadable(sealed: bytes):
    for start in (b"", b"HS1", b"HS2", secrets.seal_bytes(b"", context="a")[:19]):
        with pytest.raises(SecretUnreadable):
            secrets.unseal_bytes(start + sealed, context="a")


def test_a_flipped_bit_is_noticed():
    sealed = bytearray(secrets.seal_bytes(b"secret", context="a"))
    for index in range(len(sealed)):
        sealed[index] ^= 1
        with pytest.raises(SecretUnreadable):
            secrets.unseal_bytes(bytes(sealed), context="a")
        sealed[index] ^= 1


def test_what_a_master_key_sealed_itself_still_opens():
    ring = KeyRing(["a master key" * 4])
    sealed = ring.seal(b"x", context="a")
    assert secrets.is_direct(sealed)
    with pytest.raises(SecretUnreadable):
        secrets.unseal(sealed, context="a")
    with pytest.raises(SecretUnreadable):
        ring.unseal(sealed, context="b")
    assert ring.unseal(sealed, context="a") == b"x"


def test_each_tenant_has_a_key_of_its_own(tenant, other_tenant):
    ours, theirs = (secrets.seal(b"x", context="a", tenant=one) for one in (tenant, other_tenant))
    assert ours.split(".")[1] != theirs.split(".")[1]
    assert secrets.keyed_digest(b"x", context="a", tenant=tenant) != secrets.keyed_digest(b"x", context="a", tenant=other_tenant)
    assert secrets.seal(b"y", context="a", tenant=tenant).split(".")[1] == ours.split(".")[1]
    # With the tenant goes its key: what is left of its secrets in some copy opens for nobody.
    tenant.delete()
    datakeys._opened.clear()
    with pytest.raises(SecretUnreadable):
        secrets.unseal(ours, context="a")
    assert secrets.unseal(theirs, context="a") == b"x"


def test_a_sealed_key_opens_nothing_in_another_row(tenant, other_tenant):
    ours, theirs = (secrets.seal(b"x", context="a", tenant=one) for one in (tenant, other_tenant))
    row = DataKey.objects.get(tenant=tenant)
    DataKey.objects.filter(tenant=other_tenant).update(sealed=row.sealed)
    datakeys._opened.clear()
    with pytest.raises(SecretUnreadable):
        secrets.unseal(theirs, context="a")
    assert secrets.unseal(ours, context="a") == b"x"


def test_an_opened_key_shows_nothing(tenant):
    key = datakeys.key_of(tenant)
    assert repr(key) == f"OpenKey({key.id})"


def test_a_master_key_is_replaced_by_putting_a_new_one_before_it(settings):
    settings.HOSTEL_KEYS = KeyRing(["old key" * 8])
    DataKey.objects.all().delete()
    sealed = secrets.seal(b"x", context="a")
    settings.HOSTEL_KEYS = KeyRing(["new key" * 8, "old key" * 8])
    assert secrets.unseal(sealed, context="a") == b"x"
    settings.HOSTEL_KEYS = KeyRing(["new key" * 8])
    with pytest.raises(SecretUnreadable):
        secrets.unseal(sealed, context="a")
