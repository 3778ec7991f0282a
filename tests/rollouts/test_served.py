"""A real Hostel takes a bad version back by itself, while visitors come."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.ops.hostel import ROOT, started

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="as the other tests of a whole Hostel")


@pytest.fixture(scope="module")
def hostel(tmp_path_factory):
    with started(tmp_path_factory.mktemp("home"), HOSTEL_GATEWAY_WORKERS="2") as running:
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
