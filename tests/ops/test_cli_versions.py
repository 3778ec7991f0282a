"""`hostel version …`: versions from the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops import cli
from ops.catalogue import COMMANDS, GROUPS
from tenants import services
from tenants.actor import Actor
from tenants.models import Deployment, Version, VersionPin

pytestmark = pytest.mark.usefixtures("runs_here")


@pytest.fixture
def hostel(transactional_db, capsys):
    """Runs a command; its document or its text."""

    def run(*words: str, code: int = 0, as_json: bool = True) -> Any:
        assert cli.run(COMMANDS, GROUPS, ["version", *words, *(["--json"] if as_json else [])]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if as_json else said.out + said.err

    return run


@pytest.fixture
def versions(upload_js) -> list[Version]:
    return [upload_js(f"export default {{ fetch() {{ console.log('x'); return new Response('v{n}') }} }};").version for n in (1, 2)]


def test_listed_compared_and_run(hostel, versions):
    rows = hostel("list", "acme", "hello")
    assert [(row["number"], row["live"], row["kept"]) for row in rows] == [(2, "100 %", "live"), (1, None, "deployed lately")]
    assert "+export default { fetch() { console.log('x'); return new Response('v2') } };" in hostel(
        "diff", "acme", "hello", "1", "2", as_json=False
    )
    assert "They are the same." in hostel("diff", "acme", "hello", "1", str(versions[0].pk), as_json=False)
    ran = hostel("run", "acme", "hello", "--version", "1", "--url", "/x", "--header", "a: b")
    assert (ran["version"], ran["status"], ran["body"], ran["logs"]) == (1, 200, "v1", ["log: x"])
    assert "v2" in hostel("run", "acme", "hello", as_json=False)
    hostel("run", "acme", "hello", "--header", "nonsense", code=1)
    hostel("diff", "acme", "hello", "1", "9", code=1)


def test_tested(hostel, tenant, versions):
    values = {"name": "home", "url": "/", "expect": {"body": {"match": "exact", "value": "v2"}}}
    services.request_test_create(tenant=tenant, worker_name="hello", actor=Actor.system(), values=values)
    assert hostel("test", "acme", "hello")["failed"] == 0
    said = hostel("test", "acme", "hello", "--version", "1", code=1, as_json=False)
    assert "FAILED home" in said
    assert "0 of 1 passed for version 1." in said


def test_back_and_restored(hostel, versions):
    assert hostel("rollback", "acme", "hello", "--preview")["versions"] == {"1": "100 %"}
    assert Deployment.objects.count() == 2
    assert hostel("rollback", "acme", "hello", "--reason", "bad")["deployment"] is not None
    assert Deployment.objects.latest("pk").message == "bad"
    assert hostel("restore", "acme", "hello", "2", "--deploy") == {
        "number": 3,
        "id": str(Version.objects.get(number=3).pk),
        "deployed": True,
    }


def test_kept_and_let_go(hostel, versions):
    hostel("pin", "acme", "hello", "1", "--reason", "good")
    assert VersionPin.objects.get().reason == "good"
    hostel("pin", "acme", "hello", "1", "--undo")
    assert not VersionPin.objects.exists()
    assert hostel("prune", "--tenant", "acme", "--worker", "hello") == {"would_remove": []}
    assert hostel("prune") == {"removed": 0}
