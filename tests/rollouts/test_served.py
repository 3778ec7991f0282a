"""A real Hostel takes a bad version back by itself, while visitors come; and the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial

import pytest

from tests.ops.hostel import ROOT, database, started

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="as the other tests of a whole Hostel")


@pytest.fixture(scope="module")
def environ():
    with database() as variables:
        yield variables


@pytest.fixture(scope="module")
def hostel(tmp_path_factory, environ):
    with started(tmp_path_factory.mktemp("home"), HOSTEL_GATEWAY_WORKERS="2", **environ) as running:
        yield running


def test_a_bad_version_is_taken_back_under_load(hostel):
    done = subprocess.run(
        [
            sys.executable, "examples/rollout/bad_version.py", "--demo", str(hostel.home / "demo.json"), "--rate", "20", "--failing", "0.9",
            "--old-failing", "0.02", "--minimum", "8", "--before", "2", "--stage", "3600", "--give-up", "240",
        ],
        capture_output=True, text=True, check=False, cwd=ROOT, timeout=400, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "v2 is to replace v1" in done.stdout
    assert "v2 gets 10 %" in done.stdout
    verdict = next(line for line in done.stdout.splitlines() if "rolled back after" in line)
    assert "v2 fails " in verdict
    assert "always-valid p" in verdict
    assert "live now: 100 %" in done.stdout
    # And from then on nobody meets it, in whichever process.
    assert "v2" not in {hostel.worker("shop").text for _ in range(40)}


@pytest.fixture
def command(hostel, environ):
    return partial(run, hostel, environ)


def run(hostel, environ, *words: str, fails: bool = False):
    """Runs `hostel rollouts …` beside it; its document."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOSTEL_") and name != "DATABASE_URL"}
    own = {"HOSTEL_HOME": str(hostel.home), "HOSTEL_PORT": str(hostel.port), "HOSTEL_GUEST_CACHE": os.environ["HOSTEL_GUEST_CACHE"]}
    done = subprocess.run(
        [sys.executable, "-m", "ops", "rollouts", *words, "--json"],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**clean, **own, **environ}, timeout=120,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_commands(hostel, command):
    for source, deploy in (("1", "true"), ("2", "false")):
        code = f"export default {{ fetch: () => new Response('{source}') }};"
        body = {"main_module": "w.js", "modules": [{"name": "w.js", "content": code}]}
        answer = hostel.call(
            "localhost", f"/api/v1/workers/till/versions?deploy={deploy}", "POST", json.dumps(body).encode(),
            Authorization=f"Bearer {hostel.demo['api_token']}", Content_Type="application/json",
        )  # fmt: skip
        assert answer.status == 201, answer.text
    command("freeze", "--reason", "a holiday")
    assert "a holiday" in str(command("start", "demo", "till", "v2", fails=True))
    assert command("freeze", "--lift")["lifted"]
    made = command("start", "demo", "till", "2", "--stage", "10:5m", "--stage", "50:1h:approval", "--stage", "100")
    assert (made["state"], made["percent"], [stage["gate"] for stage in made["stages"]]) == (
        "running",
        10,
        ["automatic", "approval", "automatic"],
    )
    assert command("pause", "demo", "till")["state"] == "paused"
    assert [row["worker"] for row in command("status")["rollouts"]] == ["till"]
    ended = command("abort", "demo", "till", "--reason", "no")
    assert (ended["state"], command("status", "demo", "till")["id"]) == ("aborted", ended["id"])
