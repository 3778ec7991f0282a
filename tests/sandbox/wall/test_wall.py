"""The second wall, from inside a process that has raised it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.wall import kernel, seccomp

ROOT = Path(__file__).parents[3]
PROBE = """
import asyncio, json, os, socket, subprocess, sys, threading
from pathlib import Path
from sandbox import Bundle, Sandbox, SandboxConfig
from sandbox.wall import raise_wall

home, allowed, forbidden = map(Path, sys.argv[1:])

def attempt(work):
    try:
        work()
        return "done"
    except OSError as error:
        return type(error).__name__

async def main():
    async with Sandbox(SandboxConfig(guest_home=home, egress=None)) as box:
        report = raise_wall(read=[home], write=[allowed])
        worker = await box.load("w", Bundle.js("export default { fetch: () => new Response('served') }"))
        loop = Bundle.js("export default { fetch() { const t = 3e5; let n = 0; for (let i = 0; i < t; i++) n += i; return new Response('long') } }")
        long = await box.load("l", loop)
        print(json.dumps({
            "line": report.line(),
            "run": attempt(lambda: subprocess.run(["/bin/true"])),
            "write_allowed": attempt(lambda: (allowed / "x").write_text("x")),
            "write_forbidden": attempt(lambda: (forbidden / "x").write_text("x")),
            "read_forbidden": attempt(lambda: (forbidden / "secret").read_text()),
            "socket": attempt(lambda: socket.create_server(("127.0.0.1", 0)).close()),
            "thread": attempt(lambda: threading.Thread(target=print, args=("",), kwargs={"end": ""}).start()),
            "served": await (await worker.fetch("http://example.com/")).text(),
            "long": await (await long.fetch("http://example.com/")).text(),
        }))

asyncio.run(main())
"""


@pytest.mark.skipif(not kernel.SUPPORTED, reason="Linux on x86_64 or aarch64")
def test_what_a_walled_process_can_still_do(guest_home: Path, tmp_path: Path) -> None:
    # The folder for temporary files stays writable, so it is another one here: the checkout itself may lie below the usual one.
    forbidden = ROOT / "var" / "wall-test"
    forbidden.mkdir(parents=True, exist_ok=True)
    (forbidden / "secret").write_text("secret")
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(guest_home), str(tmp_path), str(forbidden)],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PYTHONPATH": f"{ROOT / 'sandbox'}/..", "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["served"], seen["long"]) == ("served", "long")
    assert (seen["write_allowed"], seen["socket"], seen["thread"]) == ("done", "done", "done")
    if "seccomp yes" in seen["line"]:
        assert seen["run"] == "PermissionError"
    if "landlock yes" in seen["line"]:
        assert seen["write_forbidden"] == "PermissionError"
    assert "no core dumps" in seen["line"]


def test_the_filter_refuses_its_list_and_allows_the_rest() -> None:
    numbers = [59, 101]
    code = seccomp.program(numbers, 0xC000003E)
    steps = [seccomp._INSTRUCTION.unpack_from(code, at) for at in range(0, len(code), 8)]

    def run(architecture: int, number: int) -> int:
        at = accumulator = 0
        while True:
            operation, yes, no, value = steps[at]
            at += 1
            if operation == 0x20:
                accumulator = architecture if value == 4 else number
            elif operation == 0x15:
                at += yes if accumulator == value else no
            elif operation == 0x35:
                at += yes if accumulator >= value else no
            else:
                return value

    assert run(0xC000003E, 59) == run(0xC000003E, 101) == 0x00050001
    assert run(0xC000003E, 0) == run(0xC000003E, 60) == 0x7FFF0000
    assert run(0xC000003E, 0x40000000 + 1) == 0x00050001
    assert run(0x40000003, 1) == 0x80000000
