"""The database is stopped while visitors come: they do not notice, and the first change after it is back is served within seconds."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tenants import epoch
from tests.ops.hostel import Hostel, started, wait_until
from tests.ops.postgres import cluster

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="looks into /proc")
PROCESSES = 2
WORKERS = ("one", "two", "three")
# Of a test on a machine that is busy with others; nothing here takes longer than a few seconds by itself.
PATIENCE = 60


def source(text: str) -> str:
    return f'export default {{ fetch: () => new Response("{text}") }};'


class Visitors:
    """Threads that ask the workers, one request after the other on connections that stay, and keep every answer."""

    def __init__(self, hostel: Hostel, count: int = 4) -> None:
        self.hostel = hostel
        self.answers: list[tuple[str, int, str]] = []
        self.stopping = threading.Event()
        # Each holds its own while it asks.
        self.asking = [threading.Lock() for _ in range(count)]
        self.threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _visit(self, number: int) -> None:
        connection, asking = http.client.HTTPConnection("127.0.0.1", self.hostel.port, timeout=PATIENCE), self.asking[number]
        while not self.stopping.is_set():
            name = WORKERS[number % len(WORKERS)]
            number += 1
            with asking:
                try:
                    connection.request("GET", "/", headers={"Host": f"{name}.demo.localhost"})
                    response = connection.getresponse()
                    self.answers.append((name, response.status, response.read().decode()))
                except (OSError, http.client.HTTPException) as error:
                    self.answers.append((name, 0, repr(error)))
                    connection.close()
            # The machine is for the servers.
            time.sleep(0.005)
        connection.close()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Nobody asks meanwhile: an operator who empties a pool breaks off what is under way in it."""
        with ExitStack() as stack:
            for asking in self.asking:
                stack.enter_context(asking)
            yield

    def stop(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)


def stats(hostel: Hostel) -> list[dict[str, Any]]:
    """What each gateway process counts."""
    found = []
    for path in sorted(hostel.home.glob("run/gateway-*.sock")):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(path))
            connection = http.client.HTTPConnection("gateway")
            connection.sock = client
            connection.request("GET", "/stats")
            found.append(json.loads(connection.getresponse().read()))
    return found


def knows_all(hostel: Hostel) -> bool:
    """Whether every process has served every worker."""
    for name in WORKERS:
        assert hostel.worker(name).status == 200
    pools = [process["sandbox"]["pool"]["entries"] for process in stats(hostel)]
    return len(pools) == PROCESSES and min(pools) >= len(WORKERS)


def all_warn(hostel: Hostel) -> bool:
    """Whether every process has said that it serves what it cannot check. New connections, since those that stay may all lead to one of them."""
    for name in WORKERS:
        assert hostel.worker(name).status == 200
    return all(process["gateway"]["lookups"]["stale_warnings"] > 0 for process in stats(hostel))


def test_visitors_do_not_notice(tmp_path: Path) -> None:
    settings = {"REDIS_URL": "", "CELERY_BROKER_URL": "hostel://", "HOSTEL_GATEWAY_WORKERS": str(PROCESSES), "HOSTEL_STALE_SECONDS": "1"}
    with cluster() as server, started(tmp_path, DATABASE_URL=server.url, **settings) as hostel:
        for name in WORKERS:
            assert hostel.upload(name, source(name)).status == 200
        wait_until(lambda: knows_all(hostel), PATIENCE)
        before = sum(process["gateway"]["lookups"]["served_stale"] for process in stats(hostel))
        visitors = Visitors(hostel)
        try:
            server.stop("immediate")
            # As if something had changed: from here on every process must ask the database, which is not there.
            epoch._count_up(hostel.home / "run" / "epoch")
            wait_until(lambda: all_warn(hostel), PATIENCE)
            during = len(visitors.answers)
            assert sum(process["gateway"]["lookups"]["served_stale"] for process in stats(hostel)) > before
            # What nobody knows cannot be served, and is not served a stack trace either.
            unknown = hostel.worker("unknown")
            assert unknown.status == 503, unknown.text
            # What the pool has let go of is started from memory.
            with visitors.resting():
                assert min(evicted(hostel, path) for path in hostel.home.glob("run/gateway-*.sock")) >= len(WORKERS)
            wait_until(lambda: len(visitors.answers) > during + 50, PATIENCE)

            server.start()
            back = time.monotonic()
            wait_until(lambda: hostel.upload("one", source("changed")).status == 200, PATIENCE)
            deployed = time.monotonic()
            seen = len(visitors.answers)
            wait_until(lambda: recent(visitors, "one", seen) == {"changed"}, PATIENCE)
            served = time.monotonic()
        finally:
            visitors.stop()
        assert {(name, status) for name, status, _ in visitors.answers} == {(name, 200) for name in WORKERS}
        assert {text for _, _, text in visitors.answers} == {*WORKERS, "changed"}
        assert len(visitors.answers) > 100
        assert deployed - back < 30, f"{deployed - back:.1f} s until the control plane took a deployment again"
        assert served - deployed < 10, f"{served - deployed:.1f} s until the new deployment was served"
        assert hostel.process.poll() is None


def recent(visitors: Visitors, name: str, since: int) -> set[str]:
    """What a worker has answered in the last twenty of the answers after `since`."""
    return {text for who, _, text in visitors.answers[max(since, len(visitors.answers) - 40) :] if who == name}


def evicted(hostel: Hostel, path: Path) -> int:
    """Empty one process's pool of the demo tenant's workers; how many there were."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(path))
        connection = http.client.HTTPConnection("gateway")
        connection.sock = client
        connection.request("POST", "/evict", json.dumps({"prefix": "demo-"}))
        return int(json.loads(connection.getresponse().read())["evicted"])
