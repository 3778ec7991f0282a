"""`hostel experiments …`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from experiments import services as experiments
from experiments.models import VersionFlag
from flags import services as flags
from ops import cli
from ops.catalogue import COMMANDS, GROUPS
from tenants.actor import Actor
from tenants.models import AuditEvent, Tenant

SYSTEM = Actor.system()
HALVES = {"split": [{"variant": "red", "percentage": 50}, {"variant": "blue", "percentage": 50}]}


@pytest.fixture
def hostel(transactional_db: None, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str, code: int = 0) -> Any:
        assert cli.run(COMMANDS, GROUPS, ["experiments", *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


def test_an_experiment_from_a_shell(hostel: Any, tenant: Tenant) -> None:
    flags.flag_create(tenant=tenant, key="colour", type="string", variants={"red": "red", "blue": "blue"}, actor=SYSTEM)
    changes = {"enabled": True, "serve": HALVES}
    flags.flag_state_update(tenant=tenant, key="colour", environment="production", changes=changes, actor=SYSTEM)
    draft = {"flag": "colour", "control": "red", "metrics": [{"name": "errors", "kind": "errors"}]}
    experiments.experiment_create(tenant=tenant, key="paint", values=draft, actor=SYSTEM)
    assert hostel("start", "acme", "paint")["status"] == "running"
    assert [row["key"] for row in hostel("list", "acme")] == ["paint"]
    assert hostel("results", "acme", "paint")["summary"].startswith("0 participants")
    assert hostel("stop", "acme", "paint", "--outcome", "enough")["status"] == "stopped"
    assert hostel("stop", "acme", "paint", code=1)["error"]["code"] == "experiment_state"
    assert AuditEvent.objects.get(action="experiment_stop").reason == "enough"


def test_a_version_flag_from_a_shell(hostel: Any, tenant: Tenant, upload_js: Any) -> None:
    version = str(upload_js(name="shop").version.pk)
    flags.flag_create(tenant=tenant, key="which", type="version", variants={"v": {"worker": "shop", "version": version}}, actor=SYSTEM)
    assert hostel("attach", "acme", "shop", "which", "--targeting", "cookie:uid", "--targeting", "ip")["targeting"] == ["cookie:uid", "ip"]
    assert VersionFlag.objects.get().flag == "which"
    hostel("detach", "acme", "shop")
    assert not VersionFlag.objects.exists()
