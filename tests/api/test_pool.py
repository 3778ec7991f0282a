"""The operators' view of the gateways' pools."""

from __future__ import annotations

import asyncio
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from api.gateways import summed
from gateway.admin import Admin
from gateway.drain import Drain
from gateway.stats import Stats
from tenants.models import User
from tests.api.conftest import Native


@pytest.fixture
def run() -> Iterator[Path]:
    """The folder of the processes' sockets, empty."""
    folder: Path = settings.HOSTEL.run
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    for path in folder.glob("gateway-*.sock"):
        path.unlink()


@contextmanager
def answering(path: Path, body: bytes, status: int = 200) -> Iterator[None]:
    """Something that answers at `path` as a gateway process would (or would not)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/stats"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: Any) -> None: ...

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()


def stats(hits: int, **traps: int) -> bytes:
    pool = {"instances": 1, "hits": hits, "misses": 2, "bytes_by_tenant": {"acme": 10}, "traps": traps}
    return json.dumps({"gateway": {"pid": 7, "started": 1.5, "cold": 1}, "sandbox": {"guest_build": "abc", "pool": pool}}).encode()


def test_processes_are_shown_and_summed(operator: Native, run: Path) -> None:
    with answering(run / "gateway-1.sock", stats(3, memory=1)), answering(run / "gateway-2.sock", stats(4, cpu=2)):
        found = operator.get("/admin/pool").json
    assert [(process["process"], process["reachable"]) for process in found["processes"]] == [("gateway-1", True), ("gateway-2", True)]
    assert found["processes"][0]["stats"]["sandbox"]["guest_build"] == "abc"
    assert found["totals"]["pool"] == {
        "instances": 2,
        "hits": 7,
        "misses": 4,
        "bytes_by_tenant": {"acme": 20},
        "traps": {"memory": 1, "cpu": 2},
    }
    assert found["totals"]["gateway"] == {"cold": 2}


def test_a_real_gateways_socket_is_understood(operator: Native, run: Path) -> None:
    loop = asyncio.new_event_loop()
    # A daemon: what fails before it is stopped must not keep the suite from ending.
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    admin = Admin(run, stats=lambda: json.loads(stats(5)), evict=lambda _: 0, drain=Drain(Stats(), shut=lambda _: None))
    try:
        asyncio.run_coroutine_threadsafe(admin.start(), loop).result(timeout=10)
        assert operator.get("/admin/pool").json["totals"]["pool"]["hits"] == 5
    finally:
        asyncio.run_coroutine_threadsafe(admin.close(), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_dead_process_does_not_hide_the_others(operator: Native, run: Path) -> None:
    (run / "gateway-1.sock").touch()
    with (
        answering(run / "gateway-2.sock", stats(1)),
        answering(run / "gateway-3.sock", b"nonsense"),
        answering(run / "gateway-4.sock", b"{}", 500),
    ):
        found = operator.get("/admin/pool").json
    assert [process["reachable"] for process in found["processes"]] == [False, True, False, False]
    assert found["totals"]["pool"]["hits"] == 1


def test_no_gateway_at_all(operator: Native, run: Path) -> None:
    assert operator.get("/admin/pool").json == {"totals": {"gateway": {}}, "processes": []}


@pytest.mark.parametrize("staff", [True, False])
def test_a_session_counts_only_for_staff(native: Native, run: Path, client: Client, staff: bool) -> None:
    client.force_login(User.objects.create_user("ops@example.com", is_staff=staff))
    reply = native.call("GET", "/admin/pool", Authorization="")
    assert reply.status == (200 if staff else 403)
    assert native.call("GET", "/tenant", Authorization="").problem["code"] == "tenant_unnamed"


def test_tenants_are_refused(native: Native) -> None:
    assert native.get("/admin/pool").problem["code"] == "token_scope_missing"
    assert native.call("GET", "/admin/pool", Authorization="").problem["code"] == "credentials_missing"


def test_summing_takes_numbers_and_nothing_else() -> None:
    assert summed([{"a": 1, "b": "x", "c": True, "d": {"e": 1.5}}, {"a": 2, "d": {"e": 1, "f": 1}, "g": [1]}]) == {
        "a": 3,
        "d": {"e": 2.5, "f": 1},
    }
    assert summed([{"a": 1}, {"a": {"b": 1}}, {"a": 2}]) == {"a": 2}
