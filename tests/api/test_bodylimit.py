"""Bodies that are too large are refused before Django stores them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from api.bodylimit import BodyLimit, Message
from controlplane.asgi import application

LIMIT = 1000


class Peer:
    """An ASGI server's side of one request."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = list(chunks)
        self.taken = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if not self.chunks:
            return {"type": "http.disconnect"}
        chunk = self.chunks.pop(0)
        self.taken += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": bool(self.chunks)}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


async def reading(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads everything and answers with the length, as Django does: nothing after a disconnect."""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def scope(path: str, length: int | None = None) -> dict[str, Any]:
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http", "method": "PUT", "path": path, "headers": headers, "query_string": b"", "http_version": "1.1"}


async def ask(path: str, chunks: Iterable[bytes], length: int | None = None) -> Peer:
    peer = Peer(chunks)
    await BodyLimit(reading, limit=LIMIT)(scope(path, length), peer.receive, peer.send)
    return peer


@pytest.mark.parametrize("length", [LIMIT, None])
async def test_a_body_of_the_limit_passes(length: int | None) -> None:
    peer = await ask("/client/v4/x", [b"x" * 500, b"x" * 500], length)
    assert (peer.status, peer.body) == (200, b"1000")


async def test_a_declared_length_above_it_never_reaches_the_application() -> None:
    async def unreached(*_: Any) -> None:
        raise AssertionError

    peer = Peer([b"x" * 500] * 4)
    await BodyLimit(unreached, limit=LIMIT)(scope("/client/v4/x", LIMIT + 1), peer.receive, peer.send)
    # Taken off the wire, so that the answer is not lost to a reset; kept by nobody.
    assert (peer.status, peer.taken) == (413, 2000)
    assert b'"code": 10027' in peer.body
    assert b"upload_too_large" in peer.body


async def test_an_undeclared_one_is_counted() -> None:
    peer = await ask("/api/v1/x", [b"x" * 500] * 40)
    assert (peer.status, peer.taken) == (413, 20_000)
    assert dict(peer.sent[0]["headers"])[b"content-type"] == b"application/problem+json"
    assert dict(peer.sent[0]["headers"])[b"connection"] == b"close"


async def test_a_length_that_is_a_lie_is_counted_too() -> None:
    assert (await ask("/api/v1/x", [b"x" * 500] * 4, 10)).status == 413


async def test_what_is_drained_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.bodylimit.DRAINED_BYTES", 5000)
    peer = await ask("/api/v1/x", [b"x" * 500] * 4000, 2_000_000)
    assert (peer.status, peer.taken) == (413, 5000)


async def test_the_real_application_refuses_a_65_mib_body() -> None:
    peer = Peer([b"x" * (1 << 20)] * 65)
    await application(scope("/client/v4/accounts/a/workers/scripts/s", 65 << 20), peer.receive, peer.send)
    assert peer.status == 413


async def test_the_real_application_refuses_it_without_a_length() -> None:
    peer = Peer([b"x" * (1 << 20)] * 80)
    await application(scope("/client/v4/accounts/a/workers/scripts/s"), peer.receive, peer.send)
    assert peer.status == 413
