"""A caller of the Cloudflare-compatible API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from tenants import services
from tenants.actor import Actor
from tenants.models import ApiToken, Tenant
from tests.cfapi.forms import Field, body, content_type, upload

PREFIX = "/client/v4"


@dataclass
class Reply:
    """A reply: its status, its headers and, where it is JSON, its envelope."""

    status: int
    headers: Any
    content: bytes

    @property
    def envelope(self) -> Any:
        return json.loads(self.content)

    @property
    def result(self) -> Any:
        envelope = self.envelope
        assert envelope["success"], envelope
        return envelope["result"]

    @property
    def error(self) -> Any:
        envelope = self.envelope
        assert not envelope["success"], envelope
        assert envelope["result"] is None
        assert set(envelope) == {"success", "errors", "messages", "result"}
        return envelope["errors"][0]


class Api:
    """Calls routes with one token; paths that start with `/workers` are the account's."""

    def __init__(self, client: Client, tenant: Tenant, secret: str) -> None:
        self.client = client
        self.tenant = tenant
        self.secret = secret

    def call(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        fields: Sequence[Field] | None = None,
        data: bytes | None = None,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """`value` is sent as JSON, `fields` as multipart, `data` as it is."""
        if fields is not None:
            data, kind = body(fields), content_type()
        elif data is None:
            data = b"" if value is None else json.dumps(value).encode()
        where = path if path.startswith(("/accounts", "/user", "/zones", "/memberships")) else f"/accounts/{self.tenant.account_id}{path}"
        sent = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        response = self.client.generic(method, PREFIX + where, data, content_type=kind, headers={k: v for k, v in sent.items() if v})
        return Reply(response.status_code, response.headers, response.content)

    def get(self, path: str, **options: Any) -> Reply:
        return self.call("GET", path, **options)

    def put(self, path: str, value: Any = None, **options: Any) -> Reply:
        return self.call("PUT", path, value, **options)

    def post(self, path: str, value: Any = None, **options: Any) -> Reply:
        return self.call("POST", path, value, **options)

    def patch(self, path: str, value: Any = None, **options: Any) -> Reply:
        return self.call("PATCH", path, value, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        return self.call("DELETE", path, **options)

    def deploy(self, name: str = "hello", source: str | None = None, **values: Any) -> Reply:
        """Upload one module under PUT."""
        data = upload(source, **values) if source is not None else upload(**values)
        return self.put(f"/workers/scripts/{name}", data=data, kind=content_type())

    def add_version(self, name: str = "hello", source: str | None = None, **values: Any) -> Reply:
        """Upload one module under POST …/versions."""
        data = upload(source, **values) if source is not None else upload(**values)
        return self.post(f"/workers/scripts/{name}/versions", data=data, kind=content_type())


@pytest.fixture
def api(transactional_db: None, client: Client, tenant: Tenant, token: tuple[ApiToken, str]) -> Api:
    """The tenant's own caller. Uploads commit in several steps, as they do in service: hence a real transaction each."""
    return Api(client, tenant, token[1])


@pytest.fixture
def stranger(api: Api, client: Client) -> Api:
    """Another tenant's caller, with a worker of its own called `hello`."""
    tenant = services.tenant_create(slug="stranger", actor=Actor.system())
    _, secret = services.token_create(tenant=tenant, name="theirs", scopes=["workers:write", "tenant:write"], actor=Actor.system())
    other = Api(client, tenant, secret)
    assert other.deploy().status == 200
    return other
