"""Start, crash, stop, start again: what the supervisor promises, shown on the real thing."""

from __future__ import annotations

import os
import platform
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.ops.hostel import alive, database, finish, free_port, launch, offspring, started, wait_until

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="looks into /proc")


@pytest.fixture(scope="module")
def environ():
    with database() as variables:
        yield variables


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def test_the_first_start_and_sigterm_leave_nothing_running(home, environ):
    with started(home, **environ) as hostel:
        pids = [hostel.process.pid, *offspring(hostel.process.pid)]
        assert set(hostel.children()) == {"gateway", "control", "background"}
        if platform.libc_ver()[0] == "glibc":
            environment = Path(f"/proc/{hostel.children()['gateway']}/environ").read_bytes().split(b"\0")
            # Python's own allocator keeps what a burst leaves behind.
            assert b"PYTHONMALLOC=malloc" in environment
        assert hostel.worker("hello").status == 200
        seconds = hostel.stop()
        assert hostel.process.returncode == 0
        assert seconds < 5
        assert alive(pids) == []
        with socket.create_server(("127.0.0.1", hostel.port)):
            pass


def test_a_later_start_is_quick_and_changes_nothing(home, environ):
    before = (home / "demo.json").read_bytes()
    port = int(before.split(b"127.0.0.1:")[1].split(b'"')[0])
    began = time.monotonic()
    with started(home, port=port, **environ) as hostel:
        took = time.monotonic() - began
        # The promise is 5 s on an idle machine; a busy one gets twice that here.
        assert took < 10, f"{took:.1f} s"
        assert (home / "demo.json").read_bytes() == before
        versions = hostel.api("GET", "/workers/scripts/hello/versions").json["result"]["items"]
        assert len(versions) == 1
        hostel.stop(signal.SIGINT)
        assert hostel.process.returncode == 0


def test_a_killed_child_comes_back_and_the_others_stay(home, environ):
    with started(home, **environ) as hostel:
        for name in ("gateway", "control", "background"):
            before = hostel.children()
            helpers = offspring(before[name])
            os.kill(before[name], signal.SIGKILL)
            wait_until(lambda before=before, name=name: hostel.children().get(name) not in (None, before[name]), 10)
            wait_until(lambda: answers(hostel), 20)
            assert alive(helpers) == [], f"what {name} had started outlived it"
            after = hostel.children()
            assert {other: after[other] for other in before if other != name} == {k: v for k, v in before.items() if k != name}
        # Uploads are built again, so the background worker does its work and not only runs.
        wait_until(lambda: hostel.upload("back", 'export default { fetch: () => new Response("back") };').status == 200, 30)
        assert hostel.worker("back").text == "back"
        assert any("SIGKILL" in line for line in hostel.lines)


def test_a_killed_gateway_worker_comes_back(home, environ):
    with started(home, **environ) as hostel:
        victim = offspring(hostel.children()["gateway"], deep=False)[-1]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(offspring(hostel.children()["gateway"], deep=False)) >= 1, 10)
        wait_until(lambda: answers(hostel), 20)


def test_children_end_when_the_supervisor_is_killed(home, environ):
    with started(home, **environ) as hostel:
        pids = offspring(hostel.process.pid)
        hostel.stop(signal.SIGKILL)
        wait_until(lambda: alive(pids) == [], 10)
    # And nothing of it stands in the way of the next start.
    with started(home, port=hostel.port, **environ) as again:
        assert again.worker("hello").status == 200


def test_a_second_supervisor_is_refused_and_the_first_does_not_notice(home, environ):
    with started(home, **environ) as hostel:
        second = launch(home, **environ)
        assert second.process.wait(15) == 2
        wait_until(lambda: any(f"process {hostel.process.pid}, port {hostel.port}" in line for line in second.lines), 2)
        assert hostel.worker("hello").status == 200


def test_a_port_in_use_is_named_before_anything_starts(home, environ):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = launch(home, port=port, **environ)
        assert refused.process.wait(15) == 2
        wait_until(lambda: any(f"Port {port} on 127.0.0.1 is in use" in line for line in refused.lines), 2)


def test_a_bad_setting_is_named(home, environ):
    refused = launch(home, **{**environ, "HOSTEL_PUBLIC_PORT": "many"})
    assert refused.process.wait(15) == 2
    wait_until(lambda: any("HOSTEL_PUBLIC_PORT" in line for line in refused.lines), 2)


def test_ctrl_c_during_the_start_leaves_nothing(tmp_path, environ):
    hostel = launch(tmp_path, port=free_port(), **environ)
    try:
        wait_until(lambda: offspring(hostel.process.pid), 10)
        time.sleep(0.5)
        pids = [hostel.process.pid, *offspring(hostel.process.pid)]
        assert hostel.stop(signal.SIGINT) < 5
        assert alive(pids) == []
    finally:
        finish(hostel)


def answers(hostel) -> bool:
    try:
        return hostel.worker("hello").status == 200 and hostel.call("localhost", "/healthz").status == 200
    except OSError:
        return False
