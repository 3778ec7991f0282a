"""What an operator does to a Hostel that serves: nobody who visits it notices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.ops.hostel import ROOT, database, started, wait_until

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="looks into /proc")

SECRETIVE = "export default { fetch: (request, env) => new Response(env.KEY) };"


@pytest.fixture(scope="module")
def environ():
    with database() as variables:
        yield variables


@pytest.fixture(scope="module")
def hostel(tmp_path_factory, environ):
    with started(tmp_path_factory.mktemp("home"), HOSTEL_GATEWAY_WORKERS="2", **environ) as running:
        yield running


def command(hostel, *words: str, home=None, check: bool = True, **environ: str):
    """Runs `hostel …` beside it; its document."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HOSTEL_") and name != "DATABASE_URL"}
    own = {"HOSTEL_HOME": str(home or hostel.home), "HOSTEL_PORT": str(hostel.port), "HOSTEL_GUEST_CACHE": os.environ["HOSTEL_GUEST_CACHE"]}
    done = subprocess.run(
        [sys.executable, "-m", "ops", *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**clean, **own, **environ},
        timeout=120,
    )
    assert done.stdout, done.stderr
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return json.loads(done.stdout)


class Visitors:
    """Visitors who come without end, each on a connection of his own; `seen` counts what they got.

    As browsers and proxies do (RFC 9110, 9.2.2), one whose connection is closed before a byte of the answer asks once more.
    """

    def __init__(self, hostel, *workers: str) -> None:
        self._hostel, self._workers = hostel, workers or ("hello",)
        self._stop = threading.Event()
        self.seen: Counter[str] = Counter()
        self.again = 0
        self._threads = [threading.Thread(target=self._visit) for _ in range(4)]

    def _visit(self) -> None:
        while not self._stop.is_set():
            for worker in self._workers:
                try:
                    self.seen[f"{self._ask(worker).status}"] += 1
                except OSError as error:
                    self.seen[type(error).__name__] += 1
                # Many, and not so many that nothing else gets done here.
                time.sleep(0.01)

    def _ask(self, worker: str):
        try:
            return self._hostel.worker(worker)
        except ConnectionResetError:
            self.again += 1
            return self._hostel.worker(worker)

    @contextmanager
    def coming(self):
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def test_a_backup_is_made_while_all_serve_and_becomes_a_hostel_again(hostel, environ, tmp_path):
    assert hostel.upload("secretive", SECRETIVE).status == 200
    body = json.dumps({"name": "KEY", "text": "s3cret", "type": "secret_text"}).encode()
    assert hostel.api("PUT", "/workers/scripts/secretive/secrets", body, Content_Type="application/json").status == 200
    assert hostel.worker("secretive").text == "s3cret"
    path = tmp_path / "backup.tar.gz"
    with Visitors(hostel, "hello", "secretive").coming() as visitors:
        uploads = threading.Thread(target=lambda: [hostel.upload(f"busy-{number}", SECRETIVE) for number in range(3)])
        uploads.start()
        made = command(hostel, "backup", "create", str(path), "--with-key", **environ)
        uploads.join()
    assert set(visitors.seen) == {"200"}, visitors.seen
    assert (made["missing_blobs"], made["with_key"]) == ([], True)
    home = tmp_path / "again"
    with database() as other:
        assert command(hostel, "backup", "restore", str(path), home=home, **other)["blobs"] == made["blobs"]
        with started(home, **other) as restored:
            assert restored.worker("hello").status == 200
            assert restored.worker("secretive").text == "s3cret"
            # What was restored can be worked with: sequences and keys go on where they were.
            assert restored.upload("after", SECRETIVE).status == 200
            assert command(restored, "audit", "verify", **other)["intact"]


def test_a_worker_that_is_deleted_under_load_is_there_or_is_not_and_never_broken(hostel, environ):
    assert hostel.upload("doomed", SECRETIVE).status == 200
    with Visitors(hostel, "doomed").coming() as visitors:
        for _ in range(3):
            wait_until(lambda: visitors.seen["200"] > 20, 30)
            assert hostel.api("DELETE", "/workers/scripts/doomed?force=true").status == 200
            wait_until(lambda: hostel.worker("doomed").status == 404, 10)
            visitors.seen.clear()
            assert hostel.upload("doomed", SECRETIVE).status == 200
    assert set(visitors.seen) <= {"200", "404"}, visitors.seen


def test_visitors_are_served_while_the_schema_changes(hostel, environ):
    with Visitors(hostel).coming() as visitors:
        later = {"DJANGO_SETTINGS_MODULE": "tests.ops.later.settings", "LATER_SECONDS": "1"}
        assert command(hostel, "migrate", **later, **environ) == {"applied": ["later.0001_initial"]}
        count = visitors.seen["200"]
        wait_until(lambda: visitors.seen["200"] > count + 50, 30)
    assert set(visitors.seen) == {"200"}, visitors.seen
    # And so are people who change things.
    assert hostel.upload("changed", SECRETIVE).status == 200


def test_gateway_processes_are_replaced_and_no_request_is_missed(hostel, environ):
    with Visitors(hostel).coming() as visitors:
        wait_until(lambda: visitors.seen["200"] > 50, 30)
        found = command(hostel, "reload", "--timeout", "90", **environ)
        assert found["done"], found
        count = visitors.seen["200"]
        wait_until(lambda: visitors.seen["200"] > count + 50, 30)
    assert set(visitors.seen) == {"200"}, visitors.seen
    assert not set(found["before"]) & set(found["after"])
    # The control plane and the background worker are back as well, and none of them as after a crash.
    wait_until(lambda: hostel.upload("reloaded", SECRETIVE).status == 200, 60)
    said = "".join(hostel.lines)
    assert not [words for words in ("does not serve", "had not finished", "starting it again") if words in said], said


def test_the_doctor_finds_everything_well(hostel, environ):
    found = command(hostel, "doctor", "--deep", **environ)
    bad = [
        one for one in found["findings"] if one["level"] == "fail" or (one["level"] == "warn" and one["name"] not in ("settings", "images"))
    ]
    assert found["healthy"], bad
    names = {one["name"] for one in found["findings"]}
    assert {
        "home",
        "disk",
        "guest",
        "port",
        "broker",
        "database",
        "schema",
        "clock",
        "keys",
        "content",
        "jobs",
        "gateways",
        "ready",
    } <= names


def test_a_machine_is_drained_and_serves_again(hostel, environ):
    rows = command(hostel, "drain", "--timeout", "30", **environ)
    assert len(rows) == 2
    assert all(row["refusing"] and row["under_way"] == 0 for row in rows)
    refused = hostel.worker("hello")
    assert (refused.status, refused.headers["hostel-error"]) == (503, "gateway_draining")
    assert hostel.call("localhost", "/readyz").status == 503
    assert not any(row["draining"] for row in command(hostel, "drain", "--undo", **environ))
    assert hostel.worker("hello").status == 200
    wait_until(lambda: hostel.call("localhost", "/readyz").json["checks"]["control"]["ok"], 10)
