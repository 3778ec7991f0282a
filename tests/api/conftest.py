"""A caller of the native API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from tenants import services
from tenants.actor import Actor
from tenants.models import ApiToken, Tenant

PREFIX = "/api/v1"
HELLO = "export default { fetch() { return new Response('hello'); } };"


@dataclass
class Reply:
    """A reply: its status, its headers and its document."""

    status: int
    headers: Any
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def problem(self) -> Any:
        """The problem, which must be one in every respect."""
        assert self.headers["Content-Type"] == "application/problem+json", self.content
        document = self.json
        assert {"type", "title", "status", "detail", "code", "fault"} <= set(document)
        assert document["status"] == self.status
        assert document["type"] == f"urn:hostel:error:{document['code']}"
        return document


class Native:
    """Calls routes with one token."""

    def __init__(self, client: Client, tenant: Tenant, secret: str) -> None:
        self.client = client
        self.tenant = tenant
        self.secret = secret

    def call(
        self, method: str, path: str, value: Any = None, *, data: bytes | None = None, kind: str = "application/json", **headers: str
    ) -> Reply:
        body = data if data is not None else b"" if value is None else json.dumps(value).encode()
        sent = {"Authorization": f"Bearer {self.secret}", **headers}
        response = self.client.generic(method, PREFIX + path, body, content_type=kind, headers={k: v for k, v in sent.items() if v})
        return Reply(response.status_code, response.headers, response.content)

    def get(self, path: str, **headers: str) -> Reply:
        return self.call("GET", path, None, data=None, kind="application/json", **headers)

    def post(self, path: str, value: Any = None, **options: Any) -> Reply:
        return self.call("POST", path, value, **options)

    def upload(self, source: str = HELLO, *, name: str = "hello", deploy: bool = True, **values: Any) -> Reply:
        body = {"main_module": "worker.js", "modules": [{"name": "worker.js", "content": source}], **values}
        return self.post(f"/workers/{name}/versions?deploy={str(deploy).lower()}", body)


@pytest.fixture
def native(transactional_db: None, client: Client, tenant: Tenant, token: tuple[ApiToken, str]) -> Native:
    """The tenant's own caller. Uploads commit in several steps, as they do in service: hence a real transaction each."""
    return Native(client, tenant, token[1])


@pytest.fixture
def stranger(native: Native, client: Client) -> Native:
    """Another tenant's caller, with a worker of its own called `hello`."""
    tenant = services.tenant_create(slug="stranger", actor=Actor.system())
    _, secret = services.token_create(tenant=tenant, name="theirs", scopes=["workers:write", "tenant:write"], actor=Actor.system())
    other = Native(client, tenant, secret)
    assert other.upload().status == 201
    return other


@pytest.fixture
def operator(native: Native, client: Client) -> Native:
    """An operator's caller."""
    _, secret = services.token_create(tenant=None, name="ops", scopes=["operator"], actor=Actor.system())
    return Native(client, native.tenant, secret)
