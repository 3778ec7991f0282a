"""`hostel flags …`: writes to the database, so that a flag can be killed while nothing else runs."""

from __future__ import annotations

import json

import pytest

from flags import selectors
from ops import cli
from ops.catalogue import COMMANDS, GROUPS
from tenants import epoch
from tenants.models import AuditEvent


@pytest.fixture
def hostel(db, capsys):
    def run(*words: str, code: int = 0):
        assert cli.run(COMMANDS, GROUPS, ["flags", *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


def test_a_life(hostel, tenant):
    hostel("create", "acme", "f", "--description", "New")
    hostel("on", "acme", "f", "--reason", "go")
    assert hostel("evaluate", "acme", "f")["value"] is True
    assert hostel("evaluate", "acme", "f", "--environment", "staging")["value"] is False
    assert hostel("list", "acme") == [{"flag": "f", "type": "boolean", "serves": "Everybody gets “on”."}]
    before = epoch.stored()
    assert hostel("kill", "acme", "f", "--reason", "it burns")["environments"] == ["production", "staging", "development"]
    # Every gateway looks at it twice a second, however the change was made.
    assert epoch.stored() > before
    assert selectors.ruleset(tenant=tenant, environment="production").evaluate("f", {}).value is False
    event = AuditEvent.objects.filter(action="flag_kill").first()
    assert (event.reason, event.via, event.actor.startswith("system:cli/")) == ("it burns", "cli", True)
    assert hostel("kill", "acme", "f")["environments"] == []
    assert hostel("restore", "acme", "f", "--environment", "production")["environments"] == ["production"]
    assert hostel("show", "acme", "f")["states"]["staging"]["killed"] is True
    assert hostel("off", "acme", "f")["enabled"] is False
    assert hostel("stale", "acme") == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("kill", "acme", "none"), "flag_not_found"),
        (("kill", "acme", "f", "--environment", "none"), "flag_environment_not_found"),
        (("evaluate", "acme", "f", "--context", "{"), "flag_context_invalid"),
        (("evaluate", "acme", "none"), "flag_not_found"),
        (("evaluate", "acme", "f", "--environment", "none"), "flag_environment_not_found"),
        (("list", "none"), "tenant_not_found"),
        (("list", "acme", "--environment", "none"), "flag_environment_not_found"),
    ],
)
def test_what_is_refused(hostel, tenant, words, code):
    hostel("create", "acme", "f")
    assert hostel(*words, code=1)["error"]["code"] == code
