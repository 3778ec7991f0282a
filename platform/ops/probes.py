"""Asks a process whether it does its work.

Owns the health questions of the supervisor: HTTP over TCP or a Unix socket, and a mark in the file system. Must not wait: the
supervisor does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path


async def http_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, path: str, host: str) -> bool:
    """Whether `GET path` on an open connection is answered with a 2xx. Closes the connection."""
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        status = await reader.readline()
        return status.split(b" ", 2)[1:2] in ([b"200"], [b"204"])
    finally:
        writer.close()


async def tcp_ok(host: str, port: int, *, path: str) -> bool:
    """Whether the server at `host` and `port` answers `GET path`, asked as the control plane's host. OSError: nobody listens."""
    return await http_ok(*await asyncio.open_connection(host, port), path=path, host="localhost")


async def unix_ok(socket: Path, *, path: str) -> bool:
    """Whether the server behind a Unix socket answers `GET path`. OSError: nobody listens."""
    return await http_ok(*await asyncio.open_unix_connection(str(socket)), path=path, host="localhost")


def touched(file: Path, *, since: float) -> bool:
    """Whether `file` was made or touched after `since` (seconds since 1970): by this start, not by one before it."""
    try:
        return file.stat().st_mtime >= since
    except OSError:
        return False
