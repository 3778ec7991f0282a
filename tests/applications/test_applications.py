"""Real applications answer byte for byte what they answer on workerd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox import Bundle, Limits, Sandbox, SandboxConfig
from sandbox.errors import InvocationError
from tests.applications.conftest import DATE, HERE, ROOT, WORKERS, Beside, asks

# What an HTTP server adds or takes away; a sandbox has none around it.
OF_THE_CONNECTION = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
Answer = tuple[int, list[tuple[str, str]], bytes]
LIMITS = Limits(startup_cpu_ms=30_000, cpu_ms=30_000)


async def theirs(http: aiohttp.ClientSession, port: int, path: str, ask: dict[str, Any]) -> Answer:
    body = ask.get("body")
    async with http.request(
        ask.get("method", "GET"),
        f"http://127.0.0.1:{port}{path}",
        headers={"Host": "app.test", **ask.get("headers", {})},
        data=None if body is None else body.encode(),
        allow_redirects=False,
        skip_auto_headers=["User-Agent", "Accept", "Accept-Encoding", "Content-Type"],
    ) as response:
        headers = [(name.lower(), value) for name, value in response.headers.items()]
        return response.status, seen(headers), await response.read()


async def ours(worker: Any, path: str, ask: dict[str, Any]) -> Answer:
    body = ask.get("body")
    try:
        response = await worker.fetch(
            f"http://app.test{path}",
            method=ask.get("method", "GET"),
            headers={"host": "app.test", **ask.get("headers", {})},
            body=None if body is None else body.encode(),
        )
        headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in response.headers]
        return response.status, seen(headers), await response.read()
    except InvocationError as error:
        return error.status, [], repr(error.as_dict()).encode()


def seen(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in headers if name not in OF_THE_CONNECTION)


@pytest.mark.parametrize("name", WORKERS)
async def test_an_application_answers_as_on_workerd(name: str, beside: Beside, guest_home: Path) -> None:
    config = SandboxConfig(guest_home=guest_home, egress=None)
    jar = aiohttp.DummyCookieJar()
    async with Sandbox(config) as box, aiohttp.ClientSession(auto_decompress=False, cookie_jar=jar) as http:
        code = Bundle.js(beside.code(name).decode(), compatibility_date=DATE, compatibility_flags=("nodejs_compat",))
        worker = await box.load(name, code, limits=LIMITS)
        different = []
        for path, ask in asks()[name]:
            expected, found = await theirs(http, beside.ports[name], path, ask), await ours(worker, path, ask)
            if found != expected:
                different.append(f"{ask.get('method', 'GET')} {path}\n  workerd: {expected}\n  ours:    {found}")
        assert not different, "\n".join(different)


def test_every_application_is_asked_and_told_of() -> None:
    assert asks().keys() == WORKERS.keys()
    page = (ROOT / "docs" / "applications.md").read_text()
    missing = [name for name, those in asks().items() if f"`{name}{WORKERS[name].suffix}` | {len(those)} |" not in page]
    assert not missing
    assert HERE.name in page
