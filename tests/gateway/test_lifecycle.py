"""A gateway process from its start to its end, and its own socket."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import stat
from pathlib import Path

import aiohttp
import pytest

from gateway.admin import Admin, remove_stale
from gateway.drain import Drain
from gateway.stats import Stats

from .conftest import Server, granian
from .wire import ask


async def test_the_socket_is_there_before_the_first_request_and_gone_after_the_last(tmp_path: Path) -> None:
    with granian(tmp_path) as server:
        (path,) = server.admin_sockets()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await server.admin("/healthz") == {"ok": True}
        await ask(server.port, "hello.acme.localhost")
        stats = await server.stats()
        assert stats["requests"]["workers"] >= 1
        assert stats["statuses"]["200"] == 1
        assert f"gateway-{stats['pid']}.sock" == path.name
    assert not path.exists()


async def test_a_server_without_lifespan_starts_with_the_first_request(tmp_path: Path) -> None:
    with granian(tmp_path, interface="asginl") as server:
        assert (await ask(server.port, "hello.acme.localhost")).body == b"hello"
        assert len(server.admin_sockets()) == 1


async def test_a_gateway_that_cannot_start_does_not_pretend_to(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the gateway could not start"), granian(tmp_path, env={"GATEWAY_TEST": "fail"}):
        pass


async def test_requests_are_logged_only_when_asked_for(tmp_path: Path) -> None:
    with granian(tmp_path, env={"GATEWAY_TEST": "log", "HOSTEL_LOG_LEVEL": "INFO"}) as server:
        await ask(server.port, "hello.acme.localhost", "/path?secret=query")
        await ask(server.port, "nobody.example")
        await asyncio.sleep(0.1)
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    told = [line for line in lines if line.get("logger") == "gateway.access" and line["host"] in ("hello.acme.localhost", "nobody.example")]
    assert [(line["status"], line["ending"], line["method"], line["path"]) for line in told] == [
        (200, "sent", "GET", "/path"),
        (404, "host_unknown", "GET", "/"),
    ]
    assert "secret" not in json.dumps(told)


async def test_nothing_is_logged_otherwise(server: Server) -> None:
    await ask(server.port, "hello.acme.localhost")
    assert "gateway.access" not in server.log.read_text()


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def test_sockets_of_dead_processes_are_removed(tmp_path: Path) -> None:
    for name in ("gateway-1.sock", "gateway-4194303.sock", "gateway-x.sock", "control.sock"):
        a_socket(tmp_path / name)
    remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["control.sock", "gateway-1.sock"]


@pytest.fixture
async def admin(tmp_path: Path):
    dropped: list[str] = []
    it = Admin(
        tmp_path, stats=lambda: {"x": 1}, evict=lambda prefix: dropped.append(prefix) or 7, drain=Drain(Stats(), shut=lambda _: None)
    )
    await it.start()
    (path,) = tmp_path.glob("gateway-*.sock")
    async with aiohttp.ClientSession("http://admin", connector=aiohttp.UnixConnector(str(path))) as session:
        yield session, dropped
    await it.close()
    await it.close()
    assert list(tmp_path.iterdir()) == []


async def test_evicting_by_prefix(admin) -> None:
    session, dropped = admin
    async with session.post("/evict", json={"prefix": "acme-"}) as response:
        assert (response.status, await response.json()) == (200, {"evicted": 7})
    assert dropped == ["acme-"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff", b'{"prefix": ""}', b'{"prefix": 1}', b'{"prefix": "' + b"x" * 257 + b'"}', b"null"]
)
async def test_a_bad_eviction_is_refused(admin, body: bytes) -> None:
    session, dropped = admin
    async with session.post("/evict", data=body) as response:
        assert response.status == 400
        assert json.loads(await response.text())["field"] == "prefix"
    assert dropped == []


async def test_too_large_an_order_is_refused(admin) -> None:
    session, _ = admin
    async with session.post("/evict", data=io.BytesIO(b"x" * (5 << 20))) as response:
        assert response.status == 413
