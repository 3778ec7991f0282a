"""A client that sends and shows bytes."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field


@dataclass
class Answer:
    """One response as it stood on the wire."""

    status: int
    reason: str
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    # Whether the body ended as its framing said.
    complete: bool = True
    raw: bytes = field(default=b"", repr=False)

    def get(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)


class Connection:
    """One TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**22))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> Answer:
        raw = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)
        first, *lines = raw[:-4].split(b"\r\n")
        _, status, *reason = first.split(b" ", 2)
        headers = [tuple(line.split(b": ", 1)) if b": " in line else (line.rstrip(b":"), b"") for line in lines]
        return Answer(int(status), b"".join(reason).decode(), headers, raw=raw)  # type: ignore[arg-type]

    async def answer(self, method: str = "GET") -> Answer:
        answer = await self.head()
        if answer.status == 100:
            answer = await self.head()
        if method == "HEAD" or answer.status in (204, 304):
            return answer
        try:
            if answer.get(b"transfer-encoding") == b"chunked":
                while size := int(await asyncio.wait_for(self.reader.readuntil(b"\r\n"), 20), 16):
                    answer.body += await self.reader.readexactly(size)
                    await self.reader.readexactly(2)
                await self.reader.readexactly(2)
            elif (length := answer.get(b"content-length")) is not None:
                answer.body = await asyncio.wait_for(self.reader.readexactly(int(length)), 20)
            else:
                answer.body = await self.reader.read()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            answer.body += getattr(error, "partial", b"")
            answer.complete = False
        return answer

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


def message(host: str, path: str = "/", method: str = "GET", headers: list[bytes] | None = None, body: bytes | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode("latin-1"), b"Host: " + host.encode("latin-1"), *(headers or [])]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


async def ask(  # noqa: PLR0917 - as one writes a request
    port: int, host: str, path: str = "/", method: str = "GET", headers: list[bytes] | None = None, body: bytes | None = None
) -> Answer:
    connection = await Connection.open(port)
    try:
        await connection.send(message(host, path, method, headers, body))
        return await connection.answer(method)
    finally:
        await connection.close()
