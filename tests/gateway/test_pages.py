"""What a visitor is told when no worker answers, and what not."""

from __future__ import annotations

import html
import json

import pytest

from gateway import errors, pages
from sandbox.errors import HostelError, SyntaxFailed, WorkerThrew

from .conftest import Server
from .wire import Connection, ask, message

BROWSER = [b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"]


@pytest.mark.parametrize(
    ("host", "status", "code"),
    [
        ("nobody.example", 404, "host_unknown"),
        ("localhost.example", 404, "host_unknown"),
        ("empty.acme.localhost", 404, "worker_not_deployed"),
        ("hello.shut.localhost", 403, "tenant_suspended"),
        ("a b", 400, "host_invalid"),
        ("hello.acme.localhost/x", 400, "host_invalid"),
        ("hello.acme.localhost:99999", 400, "host_invalid"),
        ("", 400, "host_missing"),
        ("raises.acme.localhost", 503, "routes_unavailable"),
    ],
)
async def test_hosts_that_lead_nowhere(server: Server, host: str, status: int, code: str) -> None:
    problem = await ask(server.port, host, headers=[b"Accept: */*"])
    assert (problem.status, problem.get(b"hostel-error")) == (status, code.encode())
    assert problem.get(b"content-type") == b"application/problem+json"
    told = json.loads(problem.body)
    assert (told["status"], told["code"]) == (status, code)
    assert told["request_id"].encode() == problem.get(b"hostel-request-id")
    page = await ask(server.port, host, headers=BROWSER)
    assert (page.status, page.get(b"hostel-error")) == (status, code.encode())
    assert page.get(b"content-type") == b"text/html; charset=utf-8"
    assert told["title"] in html.unescape(page.body.decode())
    assert code in page.body.decode()


@pytest.mark.parametrize("headers", [[], [b"Host: hello.acme.localhost", b"Host: hello.acme.localhost"]])
async def test_a_request_names_exactly_one_host(server: Server, headers: list[bytes]) -> None:
    connection = await Connection.open(server.port)
    await connection.send(b"\r\n".join([b"GET / HTTP/1.1", *headers]) + b"\r\n\r\n")
    answer = await connection.answer()
    assert (answer.status, answer.get(b"hostel-error")) == (400, b"host_missing")
    await connection.close()


async def test_a_hosts_name_cannot_put_anything_into_the_page(server: Server) -> None:
    page = await ask(server.port, "xn--hostile_--.example", headers=BROWSER)
    assert page.status == 404
    page = await ask(server.port, "<script>.example", headers=BROWSER)
    assert (page.status, b"<script>" in page.body) == (400, False)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("threw", 500, "worker_exception"),
        ("cpu", 503, "worker_exceeded_cpu"),
        ("busy", 503, "worker_queue_full"),
        ("syntax", 500, "script_syntax_error"),
        ("fault", 500, "guest_fault"),
        ("own", 500, "own_mistake"),
        ("crash", 500, "internal_error"),
    ],
)
async def test_a_workers_failure_is_an_answer_without_its_details(server: Server, kind: str, status: int, code: str) -> None:
    for headers in ([], BROWSER):
        answer = await ask(server.port, "fails.acme.localhost", f"/?{kind}", headers=headers)
        assert (answer.status, answer.get(b"hostel-error")) == (status, code.encode())
        assert b"secret" not in answer.raw + answer.body
    assert (answer.get(b"retry-after") == b"1") == (status == 503)


async def test_a_page_has_no_body_for_head(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(message("nobody.example", method="HEAD") + message("hello.acme.localhost"))
    answer = await connection.answer("HEAD")
    assert answer.status == 404
    assert int(answer.get(b"content-length") or 0) > 50
    assert (await connection.answer()).body == b"hello"
    await connection.close()


async def test_a_request_that_goes_round_is_stopped(server: Server) -> None:
    once = await ask(server.port, "hello.acme.localhost", headers=[b"cdn-loop: hostel, other"])
    assert once.status == 200
    for looped in ([b"cdn-loop: " + b", ".join([b"hostel"] * 17)], [b"cdn-loop: hostel"] * 17):
        answer = await ask(server.port, "hello.acme.localhost", headers=looped)
        assert (answer.status, answer.get(b"hostel-error")) == (508, b"request_looped")


def leaves(kind: type[HostelError]) -> list[type[HostelError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in leaves(child))]


@pytest.mark.parametrize("kind", [kind for kind in leaves(HostelError) if kind.__module__ == "gateway.errors"])
def test_every_error_of_the_gateway_has_both_shapes(kind: type[HostelError]) -> None:
    assert kind.__doc__
    assert "\n" not in kind.__doc__
    for accept in (b"text/html", b"application/json"):
        status, headers, body = pages.render(kind("private words"), request_id="id", accept=accept, host="a<b")
        assert status == kind.status
        assert dict(headers)[b"content-length"] == str(len(body)).encode()
        assert b"private words" not in body
        assert b"a<b" not in body or accept != b"text/html"


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in leaves(HostelError) if kind.__module__ == "gateway.errors"]
    assert len(codes) == len(set(codes))


def test_advice_covers_every_fault() -> None:
    assert set(errors.ADVICE) == {"visitor", "tenant", "platform"}


def test_a_tenants_bad_code_is_no_bad_request() -> None:
    assert pages.status_of(SyntaxFailed()) == 500
    assert pages.status_of(WorkerThrew()) == 500
    assert pages.status_of(errors.HostInvalid()) == 400
