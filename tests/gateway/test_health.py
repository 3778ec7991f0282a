"""What a gateway process says of itself, and how it is taken out of service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from .conftest import Server, granian
from .wire import Answer, Connection, ask, message


@pytest.fixture
async def control(server: Server) -> AsyncIterator[dict[str, object]]:
    """A control plane that is as well as it is told."""
    told: dict[str, object] = {"ready": True, "checks": {"database": {"ok": True, "needed": True}}, "asked": 0}

    async def ready(_: web.Request) -> web.Response:
        told["asked"] += 1  # type: ignore[operator]
        return web.json_response({"ready": told["ready"], "checks": told["checks"]}, status=200 if told["ready"] else 503)

    async def other(_: web.Request) -> web.Response:
        return web.Response(text="control plane")

    app = web.Application()
    app.add_routes([web.get("/readyz", ready), web.route("*", "/{_:.*}", other)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(server.home / "control.sock")).start()
    # What an earlier test has been told is kept for a second.
    await asyncio.sleep(1.1)
    yield told
    await runner.cleanup()
    (server.home / "control.sock").unlink(missing_ok=True)


async def drain(server: Server, method: str, **body: object) -> tuple[int, dict]:
    socket = aiohttp.UnixConnector(str(server.admin_sockets()[0]))
    async with (
        aiohttp.ClientSession(connector=socket) as session,
        session.request(method, "http://admin/drain", json=body or None) as response,
    ):
        return response.status, json.loads(await response.text())


def checks(answer: Answer) -> dict[str, dict]:
    return json.loads(answer.body)["checks"]


async def test_a_process_is_alive_whatever_else_is_not(server: Server) -> None:
    answer = await ask(server.port, "localhost", "/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert (await ask(server.port, "localhost", "/healthz", "HEAD")).body == b""


async def test_it_is_ready_without_a_control_plane_and_says_what_is_missing(server: Server) -> None:
    await asyncio.sleep(1.1)
    answer = await ask(server.port, "localhost", "/readyz")
    assert (answer.status, json.loads(answer.body)["ready"]) == (200, True)
    assert checks(answer)["guest"] == {"ok": True, "needed": True}
    control = checks(answer)["control"]
    assert (control["ok"], control["needed"]) == (False, False)
    assert "does not answer" in control["reason"]


async def test_it_passes_on_what_the_control_plane_says(server: Server, control: dict[str, object]) -> None:
    assert checks(await ask(server.port, "localhost", "/readyz"))["control"] == {"ok": True, "needed": False}
    control.update(ready=False, checks={"migrations": {"ok": False, "needed": True, "reason": "2 are not applied"}})
    await asyncio.sleep(1.1)
    assert checks(await ask(server.port, "localhost", "/readyz"))["control"]["reason"] == "migrations: 2 are not applied"


async def test_many_who_ask_at_once_cost_the_control_plane_one_question(server: Server, control: dict[str, object]) -> None:
    answers = await asyncio.gather(*(ask(server.port, "localhost", "/readyz") for _ in range(30)))
    assert {answer.status for answer in answers} == {200}
    assert control["asked"] < 10  # type: ignore[operator]


async def test_everything_else_of_those_hosts_goes_on(server: Server, control: dict[str, object]) -> None:
    for method, path in (("POST", "/healthz"), ("GET", "/healthz/x"), ("GET", "/readyz2")):
        assert (await ask(server.port, "localhost", path, method)).body == b"control plane"
    assert (await ask(server.port, "hello.acme.localhost", "/healthz")).body == b"hello"


async def until(server: Server, condition: Callable[[dict], bool]) -> dict:
    """The drain's state once it is as wanted."""
    async with asyncio.timeout(20):
        while not condition(state := (await drain(server, "GET"))[1]):
            await asyncio.sleep(0.02)
    return state


async def test_a_drained_process_finishes_what_it_has_and_refuses_the_rest(tmp_path: Path) -> None:
    with granian(tmp_path) as server:
        slow = await Connection.open(server.port)
        await slow.send(message("held.acme.localhost"))
        await until(server, lambda state: state["under_way"] == 1)

        status, state = await drain(server, "POST", grace_seconds=0)
        assert (status, state["draining"], state["refusing"], state["under_way"]) == (200, True, True, 1)
        for host in ("hello.acme.localhost", "localhost"):
            refused = await ask(server.port, host, "/x")
            assert (refused.status, refused.get(b"hostel-error"), refused.get(b"retry-after")) == (503, b"gateway_draining", b"1")
        assert (await ask(server.port, "localhost", "/healthz")).status == 200
        ready = await ask(server.port, "localhost", "/readyz")
        assert (ready.status, checks(ready)["pool"]["reason"]) == (503, "it is draining")

        (tmp_path / "go").touch()
        assert (await slow.answer()).status == 200
        await slow.close()
        assert (await until(server, lambda state: not state["under_way"]))["refused"] == 2

        assert (await drain(server, "DELETE"))[1]["draining"] is False
        assert (await ask(server.port, "hello.acme.localhost")).body == b"hello"
        assert (await ask(server.port, "localhost", "/readyz")).status == 200


async def test_during_the_grace_period_it_serves_on_but_is_not_ready(tmp_path: Path) -> None:
    with granian(tmp_path) as server:
        assert (await drain(server, "POST", grace_seconds=60))[1]["refusing"] is False
        assert (await ask(server.port, "localhost", "/readyz")).status == 503
        assert (await ask(server.port, "hello.acme.localhost")).body == b"hello"
        # A second order replaces the first.
        assert (await drain(server, "POST", grace_seconds=0.05))[1]["refusing"] is False
        async with asyncio.timeout(20):
            while (await ask(server.port, "hello.acme.localhost")).status != 503:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("body", [{}, {"grace_seconds": -1}, {"grace_seconds": 3601}, {"grace_seconds": "1"}, {"grace_seconds": True}])
async def test_a_bad_order_is_refused(server: Server, body: dict[str, object]) -> None:
    status, found = await drain(server, "POST", **body)
    assert (status, found["field"]) == (400, "grace_seconds")
    assert (await drain(server, "GET"))[1]["draining"] is False
