"""The readme's five minutes, typed as they stand there into a shell."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.ops.hostel import ROOT, database, started

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="the other end looks into /proc")


def commands(port: int, folder: str) -> str:
    """The shell blocks between `make serve` and the next chapter, for this port and with their files elsewhere."""
    chapter = (ROOT / "README.md").read_text().split("## Five minutes")[1].split("\n## ")[0]
    _, *blocks = re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)
    return "\n".join(blocks).replace(":8787", f":{port}").replace("/tmp/", f"{folder}/").replace("curl ", "curl -sS ")


def test_the_five_minutes_work(tmp_path):
    home = tmp_path / "home"
    with database() as environ, started(home, **environ) as hostel:
        script = commands(hostel.port, str(tmp_path))
        done = subprocess.run(
            ["/bin/sh", "-e"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env={**os.environ, "HOSTEL_HOME": str(home)},
        )
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    # Each promise of the text, in its order.
    for promise in (
        "Hello, you!",
        "<title>Worker Loader</title>",
        "version one",
        '"file": "bad.js", "line": 3',
        '"percentage": 50',
        "version one",
        "worker_exceeded_cpu",
        "still here",
    ):
        assert promise in said, promise
        said = said.split(promise, 1)[1]
    # Ten visitors and five times Anna.
    answers = re.findall(r"version (?:one|two)\n", done.stdout)[1:]
    assert len(answers) == 15
    assert len(set(answers[10:])) == 1
