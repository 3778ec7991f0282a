"""Plays recorded requests of the real clients against the API.

A recording (recordings/*.json) is what one client sent in one scenario, command by command, with the status and the error number the
client was content with. Ids in it are of the server it was recorded against: each is replaced by ours, once we have answered with ours.

What a client needs of a reply beside status and number was found by leaving out one field at a time; `NEEDED` lists it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from tests.cfapi.forms import Field, body, content_type

RECORDINGS = Path(__file__).parent / "recordings"
PREFIX = "/client/v4"
# Method and path (`*` is one segment) -> fields that must be there, and what each must be.
NEEDED: dict[str, dict[str, type | tuple[type, ...]]] = {
    "PUT /accounts/*/workers/scripts/*": {"deployment_id": str, "startup_time_ms": int, "id": str, "etag": str},
    "GET /accounts/*/workers/scripts/*/settings": {"bindings": list, "tags": list},
    "GET /accounts/*/workers/subdomain": {"subdomain": str},
    "GET /accounts/*/workers/scripts/*/deployments": {
        "deployments": list,
        "deployments.0.created_on": str,
        "deployments.0.versions.0.version_id": str,
        "deployments.0.versions.0.percentage": (int, float),
    },
    "GET /accounts/*/workers/services/*": {
        "default_environment.script": dict,
        "default_environment.script.tags": list,
        "default_environment.script.last_deployed_from": str,
        "default_environment.environment": str,
    },
    "POST /accounts/*/workers/scripts/*/subdomain": {"enabled": bool, "previews_enabled": bool},
    "GET /accounts/*/workers/workers/*": {"subdomain": dict, "subdomain.url": str, "subdomain.enabled": bool},
    "POST /accounts/*/workers/scripts/*/versions": {"resources.script": dict, "id": str, "startup_time_ms": int},
    "GET /accounts/*/workers/scripts/*/versions": {
        "items.0.id": str,
        "items.0.metadata.created_on": str,
        "items.0.metadata.author_email": str,
    },
    "GET /accounts/*/workers/scripts/*/versions/*": {
        "id": str,
        "metadata.created_on": str,
        "resources.bindings": list,
        "resources.script": dict,
        "resources.script_runtime": dict,
    },
    "POST /accounts/*/workers/scripts/*/deployments": {"id": str},
    "POST /accounts/*/workers/dispatch/namespaces": {"namespace_id": str, "namespace_name": str},
    "GET /accounts/*/workers/dispatch/namespaces": {"0.namespace_id": str, "0.namespace_name": str},
    "GET /accounts/*/workers/dispatch/namespaces/*": {"namespace_id": str, "namespace_name": str},
    "PUT /accounts/*/workers/dispatch/namespaces/*/scripts/*": {"deployment_id": str, "startup_time_ms": int, "id": str, "etag": str},
    "GET /accounts/*/workers/dispatch/namespaces/*/scripts/*": {"script": dict, "script.tags": list, "script.last_deployed_from": str},
    "PATCH /accounts/*/workers/workers/*/versions/latest": {"id": str},
    "GET /accounts": {"0.id": str, "0.name": str},
    "GET /memberships": {"0.account.id": str},
    "GET /user": {"email": str},
}


class Player:
    """Sends recorded requests with a token, and checks the replies."""

    folder = RECORDINGS

    def __init__(self, client: Any, *, account: str, secret: str) -> None:
        self.client = client
        self.account = account
        self.secret = secret
        self.ours: dict[str, str] = {}

    def play(self, name: str) -> None:
        """The whole recording, in order."""
        recording = json.loads((RECORDINGS / f"{name}.json").read_text())
        for command in recording["commands"]:
            for at, request in enumerate(command["requests"]):
                self.step(request, where=f"{name}: {command['command']}, request {at + 1}: {request['do']}", agent=recording["client"])

    def step(self, request: dict[str, Any], *, where: str, agent: str) -> None:
        method, _, path = self.translated(request["do"]).partition(" ")
        data, kind = self._body(request.get("send"))
        response = self.client.generic(
            method,
            PREFIX + path.replace("{account}", self.account),
            data,
            content_type=kind,
            headers={"Authorization": f"Bearer {self.secret}", "User-Agent": agent},
        )
        assert response.status_code == request["status"], f"{where}: {response.status_code} {response.content[:500]!r}"
        if not response.headers["Content-Type"].startswith("application/json"):
            return
        reply = json.loads(response.content)
        assert set(reply) >= {"success", "errors", "messages", "result"}, where
        assert reply["success"] is (request["status"] < 400), where
        if "code" in request:
            assert reply["errors"][0]["code"] == request["code"], where
            return
        self._check_needed(method, path, reply["result"], where)
        self._learn(method, request.get("ids", {}), reply, where)

    def translated(self, text: str) -> str:
        """`text` with every recorded id that has one of ours replaced by it."""
        for theirs, ours in self.ours.items():
            text = text.replace(theirs, ours).replace(_plain(theirs), _plain(ours))
        return text

    def _body(self, send: dict[str, Any] | None) -> tuple[bytes, str]:
        if send is None:
            return b"", "application/octet-stream"
        if "json" in send:
            return self.translated(json.dumps(send["json"])).encode(), send["type"]
        fields = [
            Field(part["name"], part["text"] if "text" in part else json.dumps(part["json"]), part.get("filename"), part.get("type"))
            for part in send["parts"]
        ]
        return body(fields), content_type()

    def _check_needed(self, method: str, path: str, result: Any, where: str) -> None:
        for pattern, fields in NEEDED.items():
            if re.fullmatch(pattern.replace("*", "[^/?]+"), f"{method} {urlsplit(path).path}"):
                for field, kind in fields.items():
                    found = _at(result, field)
                    assert isinstance(found, kind), f"{where}: result.{field} is {found!r}"

    def _learn(self, method: str, ids: dict[str, str], reply: dict[str, Any], where: str) -> None:
        """Take our id for each that the recorded server made; what it showed again, we must show again."""
        if method != "GET":
            for field in ("result.deployment_id", "result.id"):
                if field in ids:
                    self.ours.setdefault(str(UUID(ids[field])), str(UUID(_at(reply, field))))
            if "/secrets" in where:
                # A changed secret makes a version here; the recorded server left the old one in service.
                self.ours.clear()
            return
        shown = _plain(json.dumps(reply))
        for theirs, ours in self.ours.items():
            if any(_plain(theirs) == _plain(identifier) for identifier in ids.values()):
                assert _plain(ours) in shown, f"{where}: {ours} is not shown"


def names() -> list[str]:
    """Every recording."""
    return sorted(path.stem for path in RECORDINGS.glob("*.json"))


def _plain(identifier: str) -> str:
    return identifier.replace("-", "")


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(value, list):
            value = value[int(key)] if key.isdigit() and int(key) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            return None
    return value
