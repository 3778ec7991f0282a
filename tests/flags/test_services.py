"""Flags as rows: what is stored is what is evaluated, who keeps what, and what is refused."""

from __future__ import annotations

import json
import uuid
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flags import selectors, services
from flags.errors import FlagEnvironmentNotFound, FlagInUse, FlagInvalid, FlagNotFound, LayerNotFound, SegmentNotFound
from flags.models import Flag, FlagEnvironment, FlagRevision
from tenants import epoch, referring
from tenants import services as tenants
from tenants.errors import ChangedMeanwhile, FieldInvalid, NameTaken, QuotaExceeded
from tenants.models import AuditEvent, WebhookDelivery, Worker
from tests.flags.rulesets import PEOPLE, split

pytestmark = pytest.mark.django_db
ON = {"variant": "on"}
ME = {"targetingKey": "me"}


@pytest.fixture
def make(tenant, actor):
    def made(key="f", **values):
        return services.flag_create(tenant=tenant, key=key, actor=actor, **values)

    return made


@pytest.fixture
def change(tenant, actor):
    def changed(key="f", environment="production", *, reason="", expected=None, **changes):
        return services.flag_state_update(
            tenant=tenant, key=key, environment=environment, changes=changes, reason=reason, expected=expected, actor=actor
        )

    return changed


@pytest.fixture
def ask(tenant):
    def asked(key="f", environment="production", **context):
        return selectors.ruleset(tenant=tenant, environment=environment).evaluate(key, {"targetingKey": "me", **context}, "default")

    return asked


def test_a_life(tenant, actor, make, change, ask):
    before = epoch.stored()
    make()
    assert epoch.stored() > before
    assert (ask().value, ask().reason) == (False, "DISABLED")
    change(enabled=True)
    assert (ask().value, ask().reason) == (True, "STATIC")
    assert ask(environment="staging").value is False
    services.flag_kill(tenant=tenant, key="f", reason="it burns", actor=actor)
    assert ask().value is False
    services.flag_restore(tenant=tenant, key="f", actor=actor)
    assert ask().value is True
    assert ask(environment="staging").value is False
    services.flag_delete(tenant=tenant, key="f", actor=actor)
    assert ask().error_code == "FLAG_NOT_FOUND"
    actions = list(AuditEvent.objects.filter(tenant=tenant, action__startswith="flag_").order_by("number").values_list("action", flat=True))
    assert actions == ["flag_create", "flag_update", *["flag_kill"] * 3, *["flag_restore"] * 3, "flag_delete"]
    killed = AuditEvent.objects.filter(action="flag_kill").first()
    assert (killed.reason, killed.before["killed"], killed.after["killed"]) == ("it burns", False, True)


def test_killing_in_one_environment(tenant, actor, make, change, ask):
    make()
    for environment in ("production", "staging"):
        change(environment=environment, enabled=True)
    changed = services.flag_kill(tenant=tenant, key="f", environment="staging", actor=actor)
    assert [state.environment.name for state in changed] == ["staging"]
    assert services.flag_kill(tenant=tenant, key="f", environment="staging", actor=actor) == []
    assert (ask().value, ask(environment="staging").value) == (True, False)


def test_webhooks_are_told(tenant, actor, make, settings):
    settings.HOSTEL_BACKGROUND = f"{__name__}.nobody"
    tenants.webhook_create(tenant=tenant, url="https://hooks.example/x", events=["flag.*"], actor=actor)
    make()
    services.flag_kill(tenant=tenant, key="f", environment="production", reason="r", actor=actor)
    events = WebhookDelivery.objects.filter(tenant=tenant).order_by("created")
    assert [event.event for event in events] == ["flag.created", "flag.killed"]


def nobody(**_values):
    """Whoever would send."""


def test_history_and_differences(tenant, actor, make, change):
    flag = make()
    change(enabled=True, reason="go", rules=[{"when": {"attribute": "plan", "operator": "equals", "value": "pro"}, "serve": ON}])
    rule = selectors.flag_state_get(tenant=tenant, key="f", environment="production").document["rules"][0]
    change(rules=[{**rule, "when": {**rule["when"], "value": "team"}}, {"serve": split(on=10, off=90)}])
    found = list(selectors.history(flag=flag))
    assert [(one.number, one.environment, one.action, one.reason) for one in found] == [
        (3, "production", "flag_update", ""),
        (2, "production", "flag_update", "go"),
        (1, "", "flag_create", ""),
    ]
    lines = selectors.difference(found[0].before, found[0].after)
    assert lines[0] == {"path": f"rules.{rule['id']}.when.value", "before": "pro", "after": "team"}
    assert (lines[1]["before"], lines[1]["after"]["serve"]["split"][0]["percentage"]) == (None, 10)
    assert len(lines) == 2
    change(rules=list(reversed(found[0].after["rules"])))
    latest = selectors.history(flag=flag)[0]
    assert [line["path"] for line in selectors.difference(latest.before, latest.after)] == ["rules.order"]


def test_nothing_changed_is_no_revision(make, change):
    flag = make()
    change(enabled=True)
    change(enabled=True)
    assert FlagRevision.objects.filter(flag=flag).count() == 2


def test_history_keeps_the_newest(make, change, monkeypatch):
    monkeypatch.setattr("flags.services.support.REVISIONS", 3)
    flag = make()
    for number in range(4):
        change(serve=split(on=number, off=100 - number))
    assert list(FlagRevision.objects.filter(flag=flag).order_by("number").values_list("number", flat=True)) == [3, 4, 5]


def test_two_people_at_once(tenant, actor, make, change):
    flag = make()
    state = change(enabled=True)
    with pytest.raises(ChangedMeanwhile):
        change(enabled=False, expected=state.revision - 1)
    change(enabled=False, expected=state.revision)
    with pytest.raises(ChangedMeanwhile):
        services.flag_update(tenant=tenant, key="f", description="x", expected=flag.revision + 1, actor=actor)


def variants_of(ask):
    return {person: ask(targetingKey=person).variant for person in PEOPLE[:300]}


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=4))
def test_whoever_has_a_variant_that_does_not_shrink_keeps_it(make, change, ask, steps):
    key = f"f{uuid.uuid4().hex[:8]}"
    make(key, type="string", variants={"a": "A", "b": "B", "c": "C"})
    change(key, enabled=True)
    shares, seen = None, {}
    for a, b in steps:
        wanted = {"a": a, "b": b, "c": 100 - a - b}
        change(key, serve=split(**wanted))
        now = {person: ask(key, targetingKey=person).variant for person in PEOPLE[:150]}
        for person, variant in seen.items():
            assert now[person] == variant or wanted[variant] < shares[variant]
        shares, seen = wanted, now


def test_growing_a_rules_split_moves_nobody_back(make, change, ask, tenant):
    make()
    change(enabled=True, serve={"variant": "off"}, rules=[{"id": "r", "serve": split(on=10, off=90)}])
    before = variants_of(ask)
    change(rules=[{"id": "r", "serve": split(off=50, on=50)}])
    after = variants_of(ask)
    assert all(after[person] == "on" for person, variant in before.items() if variant == "on")
    assert Counter(after.values())["on"] > Counter(before.values())["on"]


def test_layers_never_overlap(tenant, actor, make, change, ask):
    services.layer_create(tenant=tenant, key="checkout", actor=actor)
    for key, percentage in (("a", 30), ("b", 50)):
        make(key)
        change(key, enabled=True, layer={"key": "checkout", "percentage": percentage})
    make("c")
    with pytest.raises(FlagInvalid, match="leave 20 %"):
        change("c", layer={"key": "checkout", "percentage": 20.001})
    change("c", enabled=True, layer={"key": "checkout", "percentage": 20})
    before = {key: {person for person in PEOPLE[:300] if ask(key, targetingKey=person).value} for key in "abc"}
    assert sum(len(people) for people in before.values()) == 300
    change("b", layer={"key": "checkout", "percentage": 10})
    change("a", layer={"key": "checkout", "percentage": 70})
    after = {key: {person for person in PEOPLE[:300] if ask(key, targetingKey=person).value} for key in "abc"}
    assert before["a"] < after["a"]
    assert after["b"] < before["b"]
    assert after["c"] == before["c"]
    assert sum(len(people) for people in after.values()) == 300
    with pytest.raises(FlagInUse):
        services.layer_delete(tenant=tenant, key="checkout", actor=actor)
    change("a", layer=None)
    assert ask("a").layer is None


def test_segments(tenant, actor, make, change, ask):
    services.segment_create(
        tenant=tenant, key="staff", when={"attribute": "email", "operator": "ends_with", "value": "@a.example"}, actor=actor
    )
    make()
    change(enabled=True, serve={"variant": "off"}, rules=[{"when": {"segment": "staff"}, "serve": ON}])
    assert (ask(email="me@a.example").value, ask(email="me@b.example").value) == (True, False)
    services.segment_update(
        tenant=tenant, key="staff", when={"attribute": "email", "operator": "ends_with", "value": "@b.example"}, actor=actor
    )
    assert (ask(email="me@a.example").value, ask(email="me@b.example").value) == (False, True)
    with pytest.raises(FlagInUse, match=r"f \(production\)"):
        services.segment_delete(tenant=tenant, key="staff", actor=actor)
    with pytest.raises(FlagInvalid):
        services.segment_update(tenant=tenant, key="staff", when={"segment": "staff"}, actor=actor)
    with pytest.raises(NameTaken):
        services.segment_create(tenant=tenant, key="staff", when={"attribute": "a", "operator": "exists"}, actor=actor)
    change(rules=[])
    services.segment_delete(tenant=tenant, key="staff", actor=actor)
    with pytest.raises(SegmentNotFound):
        services.segment_delete(tenant=tenant, key="staff", actor=actor)


def prerequisite(key):
    return [{"flag": key, "variants": ["on"]}]


def test_circles_are_refused(make, change):
    for key in "abc":
        make(key)
    change("b", prerequisites=prerequisite("a"))
    change("c", prerequisites=prerequisite("b"))
    with pytest.raises(FlagInvalid, match="its own prerequisite") as caught:
        change("a", prerequisites=prerequisite("c"))
    assert caught.value.detail["field"] == "prerequisites"
    with pytest.raises(FlagInvalid, match="its own prerequisite"):
        change("a", prerequisites=prerequisite("a"))
    # Another environment is another matter.
    change("a", environment="staging", prerequisites=prerequisite("c"))


def test_prerequisites_in_pairs(tenant, actor, make, change):
    for number in range(10):
        make(f"f{number}")
    for number in range(1, 9):
        change(f"f{number}", prerequisites=prerequisite(f"f{number - 1}"))
    with pytest.raises(FlagInvalid, match="8 flags long"):
        change("f9", prerequisites=prerequisite("f8"))
    with pytest.raises(FlagInvalid, match="no flag"):
        change("f9", prerequisites=prerequisite("none"))
    with pytest.raises(FlagInvalid, match="no variant"):
        change("f9", prerequisites=[{"flag": "f0", "variants": ["blue"]}])
    with pytest.raises(FlagInUse, match="prerequisite of f1"):
        services.flag_delete(tenant=tenant, key="f0", actor=actor)
    with pytest.raises(FlagInvalid, match="production"):
        services.flag_update(tenant=tenant, key="f0", variants={"yes": True, "off": False}, actor=actor)


@pytest.fixture
def versions(other_tenant, upload_js):
    """One of ours, one of theirs."""
    return str(upload_js().version.pk), str(upload_js(tenant=other_tenant).version.pk)


def test_a_flag_that_names_versions(tenant, versions, make, change, ask):
    version, theirs = versions
    make("v", type="version", variants={"new": {"worker": "hello", "version": version}})
    change("v", enabled=True)
    assert ask("v").value == {"worker": "hello", "version": version}
    assert selectors.ruleset(tenant=tenant, environment="production").versions("hello") == ["v"]
    for worker, wrong in (("hello", str(uuid.uuid4())), ("hello", theirs), ("none", version)):
        with pytest.raises(FlagInvalid, match="has no version"):
            make("w", type="version", variants={"new": {"worker": worker, "version": wrong}})
    Worker.objects.filter(tenant=tenant).delete()
    finding = next(one for one in selectors.stale_flags(tenant=tenant) if one.environment == "production")
    assert (finding.why, finding.flag) == ("version_gone", "v")
    assert version in finding.sentence


def test_a_version_that_a_flag_names_stays(tenant, actor, make, upload_js):
    version = upload_js().version
    upload_js("export default { fetch: () => new Response('2') };")
    upload_js("export default { fetch: () => new Response('3') };")
    make("v", type="version", variants={"old": {"worker": "hello", "version": str(version.pk)}})
    assert referring.referred(version.worker) == {str(version.pk): "a flag"}
    services.flag_delete(tenant=tenant, key="v", actor=actor)
    assert referring.referred(version.worker) == {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"serve": {"variant": "none"}}, "serve.variant"),
        ({"serve": split(on=50, off=40)}, "serve.split"),
        ({"off": "none"}, "off"),
        ({"rules": [{"when": {"attribute": "a", "operator": "resembles", "value": 1}, "serve": ON}]}, "rules[0].when.operator"),
        ({"rules": [{"when": {"attribute": "a", "operator": "matches", "value": "(a{1000}){1000}"}, "serve": ON}]}, "rules[0].when.value"),
        ({"rules": [{"id": "x", "serve": ON}, {"id": "x", "serve": ON}]}, "rules"),
        ({"rules": [{"id": 7, "serve": ON}]}, "rules[0].id"),
        ({"rules": [{"id": ["x"], "serve": ON}]}, "rules[0].id"),
        ({"rules": {}}, "rules"),
        ({"rules": [7]}, "rules[0]"),
        ({"rules": [{"serve": ON}] * 101}, "rules"),
        ({"from": "soon"}, "from"),
        ({"from": "2027-01-01", "until": "2026-01-01"}, "until"),
        ({"layer": {"key": "none", "percentage": 10}}, "layer.key"),
        ({"layer": 7}, "layer"),
        ({"prerequisites": 7}, "prerequisites"),
        ({"enabled": 1}, "enabled"),
        ({"colour": 1}, "colour"),
        ({"salt": "mine"}, "salt"),
        ({"serve": {"split": [{"variant": "on", "percentage": 1e400}]}}, "flag"),
    ],
)
def test_what_is_refused_changes_nothing(make, change, ask, changes, field):
    make()
    change(enabled=True)
    with pytest.raises(FlagInvalid) as caught:
        change(**changes)
    assert caught.value.detail["field"] == field
    assert ask().value is True


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"key": "a b"}, "key"),
        ({"key": ""}, "key"),
        ({"key": "x" * 129}, "key"),
        ({"type": "colour"}, "type"),
        ({"type": "string"}, "variants"),
        ({"type": "string", "variants": {"a": 1}}, "variants.a"),
        ({"variants": {str(number): True for number in range(51)}}, "variants"),
        ({"variants": {"a b": True}}, "variants"),
        ({"description": "x" * 501}, "description"),
    ],
)
def test_flags_that_are_refused(make, values, field):
    with pytest.raises(FieldInvalid) as caught:
        make(**{"key": "f", **values})
    assert caught.value.detail["field"] == field
    assert not Flag.objects.exists()


def test_names_are_taken_once(make):
    make()
    with pytest.raises(NameTaken):
        make()


def test_quotas_in_pairs(tenant, actor, make):
    tenants.tenant_limits_set(tenant=tenant, limits={"flags": 2, "flag_segments": 1}, actor=actor)
    tenant.refresh_from_db()
    make("a")
    make("b")
    with pytest.raises(QuotaExceeded, match="2 feature flags"):
        make("c")
    services.segment_create(tenant=tenant, key="a", when={"attribute": "a", "operator": "exists"}, actor=actor)
    with pytest.raises(QuotaExceeded):
        services.segment_create(tenant=tenant, key="b", when={"attribute": "a", "operator": "exists"}, actor=actor)


def test_environments(tenant, actor, make, change, ask):
    assert [one.name for one in selectors.environment_list(tenant=tenant)] == ["production", "staging", "development"]
    assert selectors.ruleset(tenant=tenant, environment="production").keys() == []
    assert selectors.ruleset(tenant=tenant, environment="qa") is None
    make()
    change(enabled=True)
    services.environment_create(tenant=tenant, name="qa", copy_of="production", actor=actor)
    services.environment_create(tenant=tenant, name="empty", actor=actor)
    assert (ask(environment="qa").value, ask(environment="empty").value) == (True, False)
    services.environment_delete(tenant=tenant, name="development", actor=actor)
    with pytest.raises(FlagEnvironmentNotFound):
        change(environment="development", enabled=True)
    assert selectors.ruleset(tenant=tenant, environment="development") is None
    for name in ("staging", "qa", "empty"):
        services.environment_delete(tenant=tenant, name=name, actor=actor)
    with pytest.raises(FlagInUse):
        services.environment_delete(tenant=tenant, name="production", actor=actor)
    with pytest.raises(NameTaken):
        services.environment_create(tenant=tenant, name="production", actor=actor)
    with pytest.raises(FlagInvalid):
        services.environment_create(tenant=tenant, name="A b", actor=actor)


def test_rulesets_are_read_when_they_have_changed(tenant, actor, make, change, django_assert_num_queries):
    make()
    first = selectors.ruleset_load(tenant=tenant.pk, environment="production")
    with django_assert_num_queries(1):
        assert selectors.ruleset_load(tenant=tenant.pk, environment="production", known=first) is first
    change(enabled=True)
    second = selectors.ruleset_load(tenant=tenant.pk, environment="production", known=first)
    assert second is not first
    assert second.revision > first.revision
    assert json.loads(selectors.ruleset_document(tenant=tenant, environment="production"))["flags"]["f"]["enabled"] is True


def test_an_environment_made_again_is_another_one(tenant, actor, make):
    make()
    before = selectors.ruleset_load(tenant=tenant, environment="staging")
    services.environment_delete(tenant=tenant, name="staging", actor=actor)
    services.environment_create(tenant=tenant, name="staging", actor=actor)
    assert selectors.ruleset_load(tenant=tenant, environment="staging", known=before) is not before


def test_what_is_stored_is_what_would_be_written_anew(tenant, actor, make, change):
    """Flags are put into the document one by one; the whole must be the same."""
    from flags.documents import flag_document

    services.layer_create(tenant=tenant, key="l", actor=actor)
    for key in "abc":
        make(key)
        change(key, enabled=True, layer={"key": "l", "percentage": 10})
    services.flag_delete(tenant=tenant, key="b", actor=actor)
    environment = FlagEnvironment.objects.get(tenant=tenant, name="production")
    flags = list(selectors.flag_list(tenant=tenant))
    anew = {
        flag.key: flag_document(flag, states[0]) for flag, states in zip(flags, selectors.flag_states(flags=flags).values(), strict=True)
    }
    assert json.loads(environment.ruleset)["flags"] == anew
    assert json.loads(environment.ruleset)["revision"] == environment.revision


def test_a_broken_flag_can_be_killed(tenant, actor, make, change, ask):
    make()
    state = change(enabled=True)
    state.document = {**state.document, "serve": {"variant": "gone"}}
    state.save()
    services.flag_kill(tenant=tenant, key="f", actor=actor)
    assert selectors.flag_state_get(tenant=tenant, key="f", environment="production").killed


def test_another_tenants_flags_are_not_there(tenant, other_tenant, actor, make):
    make()
    for call in (
        lambda: services.flag_kill(tenant=other_tenant, key="f", actor=actor),
        lambda: services.flag_delete(tenant=other_tenant, key="f", actor=actor),
        lambda: selectors.flag_get(tenant=other_tenant, key="f"),
        lambda: selectors.flag_get(tenant=other_tenant, key="\0"),
    ):
        with pytest.raises(FlagNotFound):
            call()
    with pytest.raises(LayerNotFound):
        services.layer_delete(tenant=tenant, key="none", actor=actor)


def test_stale_flags(tenant, actor, make, change):
    from datetime import timedelta

    from django.utils import timezone

    later = timezone.now() + timedelta(days=31)
    for key in ("out", "off", "split", "kept", "dead"):
        make(key, permanent=key == "kept")
    for key in ("out", "split", "kept", "dead"):
        change(key, enabled=True)
    change("split", serve=split(on=50, off=50))
    change("dead", rules=[{"id": "all", "serve": ON}, {"id": "never", "serve": ON}, {"id": "past", "serve": ON, "until": "2020-01-01"}])

    def found(**values):
        return {(one.flag, one.why): one for one in selectors.stale_flags(tenant=tenant, **values) if one.environment == "production"}

    assert set(found()) == {("dead", "dead_rules")}
    assert found()["dead", "dead_rules"].rules == ("never", "past")
    assert set(found(now=later)) == {("dead", "dead_rules"), ("out", "rolled_out"), ("off", "switched_off")}
    used = {("production", key): selectors.Used(3) for key in ("out", "dead")}
    assert set(found(now=later, used=used)) == {("dead", "dead_rules"), ("out", "rolled_out"), ("off", "unused"), ("split", "unused")}


def test_many_flags_are_no_burden_for_one(tenant, actor, make, change, ask):
    """A thousand flags beside it: changing and asking reads them as bytes only."""
    make()
    environment = FlagEnvironment.objects.get(tenant=tenant, name="production")
    document = json.loads(environment.ruleset)
    document["flags"] |= {f"x{number}": document["flags"]["f"] for number in range(1_000)}
    environment.ruleset = json.dumps(document, separators=(",", ":"))
    environment.save()
    change(enabled=True)
    ruleset = selectors.ruleset_load(tenant=tenant, environment="production")
    assert ruleset.evaluate("f", ME).value is True
    assert list(ruleset._flags) == ["f"]
    assert len(ruleset) == 1_001
