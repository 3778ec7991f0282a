"""The pages of flags: the editor's form without scripts, the kill switch, “evaluate as”, segments."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from flags import selectors
from flags import services as flags
from flags.models import Flag, FlagState
from tenants import services
from tenants.models import Worker
from ui import flagforms

PRO = {"attribute": "plan", "operator": "in", "value": ["pro", "team"]}
ON, OFF = {"variant": "on"}, {"variant": "off"}
HALVES = {"split": [{"variant": "on", "percentage": 12.5}, {"variant": "off", "percentage": 87.5}], "by": "account"}
RICH = {
    "enabled": True,
    "off": "off",
    "serve": HALVES,
    "rules": [
        {"id": "pros", "name": "Pros", "when": {"all": [PRO, {"not": {"segment": "staff"}}]}, "serve": ON},
        {"id": "few", "name": "", "when": {"operator": "percentage", "value": 5}, "serve": HALVES, "until": "2030-01-01"},
        {"id": "deep", "name": "", "when": {"any": [{"all": [PRO, {"segment": "staff"}]}, {"not": PRO}]}, "serve": ON},
        {"id": "three", "name": "", "when": {"attribute": "n", "operator": "equals", "value": "3"}, "serve": OFF},
        {"id": "all", "name": "", "serve": OFF},
    ],
    "prerequisites": [{"flag": "other", "variants": ["on", "off"]}],
    "layer": {"key": "checkout", "percentage": 30},
    "from": "2026-01-01T00:00:00Z",
    "until": None,
}


def person(tenant, actor, role):
    user = services.user_create(email=f"{role}@example.com", password=None, actor=actor)
    services.member_add(tenant=tenant, user=user, role=role, actor=actor)
    found = Client(headers={"host": "localhost"})
    found.force_login(user)
    return found


@pytest.fixture
def page(tenant, actor):
    return person(tenant, actor, "developer")


@pytest.fixture
def rich(tenant, actor):
    """A flag with everything."""
    flags.segment_create(
        tenant=tenant, key="staff", when={"attribute": "email", "operator": "ends_with", "value": "@a.example"}, actor=actor
    )
    flags.layer_create(tenant=tenant, key="checkout", actor=actor)
    for key in ("other", "f"):
        flags.flag_create(tenant=tenant, key=key, actor=actor)
    return flags.flag_state_update(tenant=tenant, key="f", environment="production", changes=RICH, actor=actor)


WHERE = "/t/acme/flags/f/production"


def typed(html):
    """What a browser would send for the editor's form, untouched."""
    form = re.search(r'<form method="post" class="body state".*?</form>', html, re.DOTALL).group(0)
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        fields = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if fields.get("type") in ("checkbox", "radio") and " checked" not in tag:
            continue
        if "name" in fields:
            found[fields["name"]] = unescaped(fields.get("value", "on" if fields.get("type") == "checkbox" else ""))
    for name, content in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescaped(content)
    for name, content in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        options = re.findall(r"<option([^>]*)>([^<]*)", content)
        chosen = next((each for each in options if " selected" in each[0]), options[0])
        value = re.search(r'value="([^"]*)"', chosen[0])
        found[name] = unescaped(value.group(1) if value else chosen[1])
    return found


def unescaped(text):
    import html

    return html.unescape(text)


def pieceless(value):
    if isinstance(value, dict):
        return {name: pieceless(inner) for name, inner in value.items() if name != "pieces"}
    return [pieceless(inner) for inner in value] if isinstance(value, list) else value


def test_the_form_of_everything_sent_back_untouched_changes_nothing(page, rich):
    sent = typed(page.get(WHERE).content.decode())
    answer = page.post(WHERE, sent)
    assert answer.status_code == 302, re.findall(r'id="error".*?</div>', answer.content.decode(), re.DOTALL)
    after = FlagState.objects.get(pk=rich.pk)
    assert pieceless(after.document) == pieceless(rich.document)
    assert after.revision == rich.revision


def test_a_rule_is_added_and_another_removed(page, rich):
    sent = typed(page.get(WHERE).content.decode())
    sent |= {
        "rule.0.drop": "on",
        "rule.5.0.attribute": "country",
        "rule.5.0.operator": "in",
        "rule.5.0.value": "DE, AT",
        "rule.5.order": "0",
    }
    sent |= {"rule.5.serve.kind": "split", "rule.5.serve.share.on": "20", "rule.5.serve.share.off": "80", "reason": "we begin at home"}
    assert page.post(WHERE, sent).status_code == 302
    rules = FlagState.objects.get(pk=rich.pk).document["rules"]
    assert [rule["id"] for rule in rules[1:]] == ["few", "deep", "three", "all"]
    assert rules[0]["when"] == {"attribute": "country", "operator": "in", "value": ["DE", "AT"]}
    assert [share["percentage"] for share in rules[0]["serve"]["split"]] == [20, 80]
    assert "we begin at home" in page.get(WHERE).content.decode()


def test_what_is_refused_keeps_what_was_typed(page, rich):
    sent = typed(page.get(WHERE).content.decode())
    answer = page.post(WHERE, {**sent, "rule.0.0.operator": "matches", "rule.0.0.value": "(", "reason": "my words"})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "rules[0].when.all[0].value" in html
    assert 'value="my words"' in html
    assert 'value="("' in html
    answer = page.post(WHERE, {**sent, "serve.share.on": "lots"})
    assert "is not a percentage" in unescaped(answer.content.decode())


def test_a_rule_that_was_emptied_is_not_for_everybody(page, rich):
    sent = typed(page.get(WHERE).content.decode())
    emptied = {**sent, "rule.1.0.attribute": "", "rule.1.0.operator": "equals", "rule.1.0.value": ""}
    assert "has no condition" in page.post(WHERE, emptied).content.decode()
    assert page.post(WHERE, {**emptied, "rule.1.everybody": "on"}).status_code == 302
    assert "when" not in FlagState.objects.get(pk=rich.pk).document["rules"][1]


def test_a_second_tab_overwrites_nothing(page, rich, tenant, actor):
    sent = typed(page.get(WHERE).content.decode())
    flags.flag_state_update(tenant=tenant, key="f", environment="production", changes={"enabled": False}, actor=actor)
    answer = page.post(WHERE, sent)
    assert (answer.status_code, "changed_meanwhile" in answer.content.decode()) == (412, True)


def test_the_kill_switch(page, rich, tenant):
    page.post(WHERE, {"do": "kill", "reason": "it burns"})
    html = page.get(WHERE).content.decode()
    assert "The kill switch is on." in html
    assert "“it burns”" in html
    assert page.get("/t/acme/flags").content.decode().count("Killed") >= 1
    states = selectors.flag_states(flags=[rich.flag])[rich.flag_id]
    assert [state.killed for state in states] == [True, False, False]
    page.post(WHERE, {"do": "restore"})
    page.post(WHERE, {"do": "kill", "everywhere": "yes"})
    assert all(state.killed for state in selectors.flag_states(flags=[rich.flag])[rich.flag_id])


def test_evaluating_as_somebody(page, rich, tenant, actor):
    flags.flag_state_update(tenant=tenant, key="f", environment="production", changes={"layer": None, "prerequisites": []}, actor=actor)
    html = unescaped(page.get(WHERE, {"as": "user-1", "context": '{"plan": "pro"}'}).content.decode())
    assert "Because: if plan is one of “pro”, “team” and not (in segment “staff”), serve “on”." in html
    assert "TARGETING_MATCH" in html
    assert html.count("decides</span>") == 1
    html = unescaped(page.get(WHERE, {"as": "user-1", "context": '{"plan"'}).content.decode())
    assert "must be a JSON object" in html
    assert "INVALID" not in html


def test_a_flag_is_made_described_and_deleted(page, tenant):
    made = page.post("/t/acme/flags/new", {"do": "create", "key": "colour", "type": "string", "variants": 'red = "#f00"\nblue = "#00f"'})
    assert (made.status_code, made["Location"]) == (302, "/t/acme/flags/colour/production")
    assert Flag.objects.get(tenant=tenant).variants == {"red": "#f00", "blue": "#00f"}
    where = made["Location"]
    sent = {"do": "describe", "revision": "1", "variants": 'red = "#f00"', "description": "Paint", "public": "on"}
    assert page.post(where, sent).status_code == 302
    flag = Flag.objects.get(tenant=tenant)
    assert (flag.variants, flag.public, flag.description) == ({"red": "#f00"}, True, "Paint")
    assert page.post(where, {"do": "remove", "confirm": "no"}).status_code == 400
    assert page.post(where, {"do": "remove", "confirm": "colour"}).status_code == 302
    assert not Flag.objects.exists()
    answer = page.post("/t/acme/flags/new", {"do": "create", "key": "x", "type": "string", "variants": "red"})
    assert answer.status_code == 400
    assert "on a line of its own" in answer.content.decode()


def test_a_version_that_is_gone_is_said(page, tenant, actor, upload_js):
    version = str(upload_js().version.pk)
    flags.flag_create(tenant=tenant, key="v", type="version", variants={"new": {"worker": "hello", "version": version}}, actor=actor)
    assert "A version is gone" not in page.get("/t/acme/flags/v/production").content.decode()
    Worker.objects.filter(tenant=tenant).delete()
    assert "A version is gone" in page.get("/t/acme/flags/v/production").content.decode()


def test_segments_and_layers(page, tenant):
    where = "/t/acme/segments"
    rule = {"rule.0.mode": "any", "rule.0.0.attribute": "email", "rule.0.0.operator": "ends_with", "rule.0.0.value": "@a.example"}
    page.post(where, {"do": "create", "key": "staff", **rule})
    assert "email ends with “@a.example”" in page.get(where).content.decode()
    page.post(where, {"do": "change", "key": "staff", "revision": "1", **rule, "rule.0.0.value": "@b.example"})
    assert "“@b.example”" in page.get(where).content.decode()
    assert page.post(where, {"do": "create", "key": "none"}).status_code == 400
    page.post(where, {"do": "layer", "key": "checkout"})
    assert "checkout" in page.get(where).content.decode()
    page.post(where, {"do": "unlayer", "key": "checkout"})
    page.post(where, {"do": "remove", "key": "staff"})
    assert "staff</b>" not in page.get(where).content.decode()


def test_who_only_looks_changes_nothing(tenant, actor, rich):
    viewer = person(tenant, actor, "viewer")
    html = viewer.get(WHERE).content.decode()
    assert "Kill switch" not in html
    assert viewer.post(WHERE, {"do": "kill"}).status_code == 403
    assert viewer.get("/t/acme/flags/new").status_code == 403
    assert viewer.get("/t/acme/flags/none/production").status_code == 404
    assert viewer.get("/t/acme/flags/f/none").status_code == 404


def test_what_could_go(page, rich):
    html = page.get("/t/acme/flags/stale?days=1").content.decode()
    assert "Nothing could go" in html
    assert page.get("/t/acme/flags/stale?days=x").status_code == 200


@pytest.mark.parametrize("count", [2, 12])
def test_the_list_asks_no_more_for_more_flags(page, tenant, actor, django_assert_max_num_queries, count):
    for number in range(count):
        flags.flag_create(tenant=tenant, key=f"f{number}", actor=actor)
    page.get("/t/acme/flags")
    with django_assert_max_num_queries(12):
        page.get("/t/acme/flags")


@given(
    st.one_of(st.text(max_size=20), st.booleans(), st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6).map(lambda value: round(value, 3)))
)
def test_values_are_read_as_they_are_shown(value):
    if isinstance(value, str) and (not value.strip() or "\r" in value or "\n" in value):
        return
    text = flagforms.shown(value)
    found = flagforms.scalar(text)
    assert found == value
    assert type(found) is type(value) or isinstance(value, float)


def test_lists_are_read_as_they_are_shown():
    values = ["a", "b c", "3", 3, True, "x, y", 'say "hi"']
    assert [flagforms.scalar(part) for part in flagforms._list_of(flagforms.shown(values))] == values
    assert json.loads(flagforms.variants_text({"a": 1}).partition("=")[2]) == 1
