"""What wrangler and Alchemy really send, against the real services."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.test import Client

from controlplane.asgi import application
from tenants.models import ApiToken
from tests.cfapi.replay import Player, names

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Answer:
    """What the player looks at."""

    status_code: int
    headers: dict[str, str]
    content: bytes


class AsgiClient:
    """Sends requests the way a server hands them in: to the whole application, bodies in pieces and without a length."""

    def generic(self, method: str, path: str, data: bytes, *, content_type: str, headers: dict[str, str]) -> Answer:
        return async_to_sync(self._ask)(method, path, data, {"host": "localhost", "content-type": content_type, **headers})

    async def _ask(self, method: str, path: str, data: bytes, headers: dict[str, str]) -> Answer:
        where, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(where),
            "raw_path": where.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }
        peer = ApplicationCommunicator(application, scope)
        pieces = [data[at : at + 100] for at in range(0, len(data), 100)] or [b""]
        for at, piece in enumerate(pieces):
            await peer.send_input({"type": "http.request", "body": piece, "more_body": at + 1 < len(pieces)})
        head = await peer.receive_output(timeout=60)
        content = b""
        while True:
            message = await peer.receive_output(timeout=60)
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        await peer.wait(timeout=60)
        return Answer(head["status"], {name.decode().title(): value.decode() for name, value in head["headers"]}, content)


@pytest.mark.parametrize("name", names())
def test_a_recorded_session_is_served(name: str, client: Client, token: tuple[ApiToken, str]) -> None:
    _play(name, client, token)


@pytest.mark.parametrize("name", ["wrangler-versions", "wrangler-secret", "alchemy-076-bun", "alchemy-076-node"])
def test_a_recorded_session_is_served_over_asgi(name: str, token: tuple[ApiToken, str]) -> None:
    _play(name, AsgiClient(), token)


def test_the_recordings_are_of_the_clients_that_are_promised() -> None:
    found = {name: json.loads((Player.folder / f"{name}.json").read_text())["client"] for name in names()}
    assert {client for name, client in found.items() if name.startswith("wrangler")} == {"wrangler/4.164.0"}
    assert sum(name.startswith("alchemy-076") for name in found) == 2


def _play(name: str, client: Any, token: tuple[ApiToken, str]) -> None:
    row, secret = token
    assert row.tenant is not None
    Player(client, account=row.tenant.account_id, secret=secret).play(name)
