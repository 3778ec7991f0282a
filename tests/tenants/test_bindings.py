"""Bindings: what is taken, what is kept, what is refused, what is shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants import bindings
from tenants.errors import BindingInvalid, BindingUnsupported, InheritUnresolved, SecretUnreadable
from tenants.models import Tenant, Version

ACME = Tenant(slug="acme", account_id="a" * 32)
GLOBEX = Tenant(slug="globex", account_id="b" * 32)
EVERY = [
    {"type": "plain_text", "name": "GREETING", "text": ""},
    {"type": "json", "name": "CONF", "json": {"deep": [None, 1]}},
    {"type": "json", "name": "NOTHING", "json": None},
    {"type": "secret_text", "name": "KEY", "text": "s3cret"},
    {"type": "service", "name": "API", "service": "api", "entrypoint": "Admin", "environment": "production"},
    {"type": "worker_loader", "name": "LOADER"},
    {"type": "worker_loader", "name": "SHARED", "id": "cache"},
    {"type": "version_metadata", "name": "V"},
    {"type": "flagship", "name": "FLAGS", "app_id": "staging"},
    {"type": "flags", "name": "LIVE"},
]


@pytest.fixture(autouse=True)
def rows(db: None) -> None:
    """Both tenants are there: each has a key of its own."""
    for tenant in (ACME, GLOBEX):
        tenant.pk = None
        tenant.save(force_insert=True)


def base(*stored: dict) -> Version:
    return Version(bindings=list(stored))


def resolved(sent, **how):
    return bindings.resolve(sent, tenant=ACME, base=how.pop("base", None), **how)


def test_every_kind_reaches_the_sandbox_as_it_was_sent():
    stored = resolved(EVERY).bindings
    described = bindings.descriptors(stored, tenant=ACME, version_id="id", tag="t", created="now")
    assert described == [
        {"type": "plain_text", "name": "GREETING", "text": ""},
        {"type": "json", "name": "CONF", "json": {"deep": [None, 1]}},
        {"type": "json", "name": "NOTHING", "json": None},
        {"type": "secret_text", "name": "KEY", "text": "s3cret"},
        {"type": "service", "name": "API", "service": "api", "entrypoint": "Admin"},
        {"type": "worker_loader", "name": "LOADER"},
        {"type": "worker_loader", "name": "SHARED", "id": "cache"},
        {"type": "version_metadata", "name": "V", "id": "id", "tag": "t", "timestamp": "now"},
        {"type": "flags", "name": "FLAGS", "environment": "staging"},
        {"type": "flags", "name": "LIVE", "environment": "production"},
    ]


def test_secrets_are_sealed_and_never_shown():
    stored = resolved(EVERY).bindings
    assert "s3cret" not in json.dumps(stored)
    assert {"type": "secret_text", "name": "KEY"} in bindings.shown(stored)
    assert "hs1." not in json.dumps(bindings.shown(stored))
    with pytest.raises(SecretUnreadable):
        bindings.descriptors(stored, tenant=GLOBEX, version_id="", tag="", created="")


class TestTakingOver:
    earlier = base({"type": "plain_text", "name": "A", "text": "1"}, {"type": "secret_text", "name": "S", "sealed": "x", "digest": "y"})

    def test_inherit_takes_one_by_name(self):
        found = resolved([{"type": "inherit", "name": "S"}], base=self.earlier).bindings
        assert found == [{"type": "secret_text", "name": "S", "sealed": "x", "digest": "y"}]

    def test_inherit_can_rename(self):
        found = resolved([{"type": "inherit", "name": "B", "old_name": "A"}], base=self.earlier).bindings
        assert found == [{"type": "plain_text", "name": "B", "text": "1"}]

    def test_what_is_not_there_is_refused_when_strict(self):
        with pytest.raises(InheritUnresolved) as refused:
            resolved([{"type": "inherit", "name": "GONE"}], base=self.earlier, strict=True)
        assert refused.value.detail["binding"] == "GONE"

    def test_and_told_when_not(self):
        found = resolved([{"type": "inherit", "name": "GONE"}], base=None)
        assert found.bindings == []
        assert "GONE" in found.warnings[0]

    def test_keeping_is_by_type_and_gives_way_to_what_was_sent(self):
        assert resolved([], base=self.earlier, keep=["secret_text", "secret_key"]).bindings == [self.earlier.bindings[1]]
        sent = [{"type": "plain_text", "name": "S", "text": "now plain"}]
        assert resolved(sent, base=self.earlier, keep=["secret_text"]).bindings == sent

    def test_another_versions_bindings_cannot_be_named(self):
        with pytest.raises(BindingInvalid):
            resolved([{"type": "inherit", "name": "A", "version_id": "0" * 32}], base=self.earlier)
        assert resolved([{"type": "inherit", "name": "A", "version_id": "latest"}], base=self.earlier).bindings


@pytest.mark.parametrize(
    ("binding", "field"),
    [
        ("text", "bindings[0]"),
        ({}, "bindings.name"),
        ({"name": "A"}, "bindings.type"),
        ({"name": 1, "type": "json"}, "bindings.name"),
        ({"name": "A", "type": "plain_text"}, "bindings.text"),
        ({"name": "A", "type": "plain_text", "text": 1}, "bindings.text"),
        ({"name": "A", "type": "plain_text", "text": "\ud800"}, "bindings.text"),
        ({"name": "A", "type": "secret_text", "text": None}, "bindings.text"),
        ({"name": "A", "type": "json"}, "bindings.json"),
        ({"name": "A", "type": "service"}, "bindings.service"),
        ({"name": "A", "type": "service", "service": "../x"}, "bindings.service"),
        ({"name": "A", "type": "worker_loader", "id": 5}, "bindings.id"),
    ],
)
def test_bad_ones_are_refused_by_field(binding, field):
    with pytest.raises(BindingInvalid) as refused:
        resolved([binding])
    assert refused.value.detail["field"] == field


@pytest.mark.parametrize("kind", ["kv_namespace", "d1", "queue", "r2_bucket", "x" * 500])
def test_kinds_that_are_not_there_yet_are_refused_by_name(kind):
    with pytest.raises(BindingUnsupported) as refused:
        resolved([{"type": kind, "name": "A"}])
    assert refused.value.detail == {"field": "bindings.type", "binding": "A"}
    assert len(refused.value.message) < 250


def test_too_many_are_refused():
    with pytest.raises(BindingInvalid):
        resolved([{"type": "plain_text", "name": f"A{number}", "text": ""} for number in range(bindings.BINDING_COUNT + 1)])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
named = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("name", "type", "text", "json", "service", "id", "version_id", "old_name"), json_values)
)
typed = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from(["inherit", "secret_text", "plain_text", "json", "service", "worker_loader", "version_metadata"]),
    named,
)


@given(st.lists(st.one_of(json_values, named, typed), max_size=4))
def test_whatever_is_sent_is_stored_or_refused(sent):
    try:
        stored = resolved(sent, base=TestTakingOver.earlier).bindings
    except BindingInvalid as refused:
        json.dumps(refused.as_dict())
    else:
        json.dumps(stored).encode()
        bindings.canonical(stored)
