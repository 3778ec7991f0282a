"""HTTP through the gateway, byte by byte: a real server, and workers that say what tests want."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from .conftest import Server
from .wire import Answer, Connection, ask, message

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "PROPFIND", "QUERY", "X-CUSTOM"]


async def echo(server: Server, path: str = "/", method: str = "GET", headers: list[bytes] | None = None, body: bytes | None = None) -> dict:
    answer = await ask(server.port, "echo.acme.localhost", path, method, headers, body)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def hexed(**wanted: object) -> str:
    return "/?" + json.dumps(wanted).encode().hex()


async def said(server: Server, method: str = "GET", **wanted: object) -> Answer:
    return await ask(server.port, "says.acme.localhost", hexed(**wanted), method)


@pytest.mark.parametrize("method", METHODS)
async def test_every_method_arrives(server: Server, method: str) -> None:
    assert (await echo(server, method=method, body=b"x"))["method"] == method


async def test_connect_is_refused(server: Server) -> None:
    answer = await ask(server.port, "echo.acme.localhost", "echo.acme.localhost:80", "CONNECT")
    assert (answer.status, answer.get(b"hostel-error")) == (405, b"method_refused")


@pytest.mark.parametrize(
    "path",
    ["/", "/a/b", "/a%2Fb/%ff/%00/%C3%A9", "//double//slashes//", "/a/../b/./c", "/a;p=1?q=%2F&x=[]{}|^`&y=a+b&&=", "/?a?b", "/%7e~", "/:@!$&'()*+,=",
     "/%zz/%", "/" + "long/" * 3000],
)  # fmt: skip
async def test_paths_and_queries_arrive_as_they_were_sent(server: Server, path: str) -> None:
    assert (await echo(server, path))["url"] == f"http://echo.acme.localhost{path}"


async def test_the_url_has_the_host_the_visitor_named(server: Server) -> None:
    for host, authority in (
        ("ECHO.Acme.LocalHost", "echo.acme.localhost"),
        ("echo.acme.localhost:8080", "echo.acme.localhost:8080"),
        ("echo.acme.localhost.", "echo.acme.localhost"),
        ("Echo.acme.localhost.:1", "echo.acme.localhost:1"),
    ):
        answer = await ask(server.port, host, "/x")
        assert json.loads(answer.body)["url"] == f"http://{authority}/x"


async def test_headers_arrive_in_order_as_often_and_as_they_came(server: Server) -> None:
    sent = [b"X-One: 1", b"x-two: \xe9\xff\x80", b"X-One: 2", b"x-empty:", b"cookie: a=b; c=d", b"x-tab: a\tb", b"cookie: e=f"]
    seen = await echo(server, headers=sent)
    mine = [pair for pair in seen["headers"] if pair[0].startswith(("x-one", "x-two", "x-empty", "x-tab", "cookie"))]
    # The server keeps what has one name together (http::HeaderMap), in the order of its first line.
    assert mine == [
        ["x-one", "1"], ["x-one", "2"], ["x-two", "\xe9\xff\x80"], ["x-empty", ""], ["cookie", "a=b; c=d"], ["cookie", "e=f"], ["x-tab", "a\tb"],
    ]  # fmt: skip


async def test_ninety_nine_headers_and_120_kilobytes_arrive(server: Server) -> None:
    seen = await echo(server, headers=[b"x-%d: %d" % (index, index) for index in range(99)])
    assert [value for name, value in seen["headers"] if name.startswith("x-") and name[2:].isdigit()] == [str(index) for index in range(99)]
    value = os.urandom(60 * 1024).hex()
    seen = await echo(server, headers=[b"x-large: " + value.encode()])
    assert ["x-large", value] in seen["headers"]
    answer = await ask(server.port, "echo.acme.localhost", headers=[b"x-%d: 1" % index for index in range(100)])
    assert answer.status == 431


async def test_a_visitor_cannot_say_who_it_is(server: Server) -> None:
    spoofed = [
        b"cf-connecting-ip: 6.6.6.6",
        b"x-real-ip: 6.6.6.6",
        b"x-forwarded-proto: https",
        b"hostel-request-id: mine",
        b"x-forwarded-for: 7.7.7.7",
    ]
    seen = dict((await echo(server, headers=spoofed))["headers"])
    assert seen["cf-connecting-ip"] == seen["x-real-ip"] == "127.0.0.1"
    assert seen["x-forwarded-for"] == "7.7.7.7, 127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert len(seen["hostel-request-id"]) == 20


async def test_a_trace_goes_on_in_the_worker(server: Server) -> None:
    given = "4bf92f3577b34da6a3ce929d0e0e4736"
    seen = [
        value
        for name, value in (await echo(server, headers=[b"traceparent: 00-%s-00f067aa0ba902b7-00" % given.encode()]))["headers"]
        if name == "traceparent"
    ]
    assert len(seen) == 1
    version, trace, span, flags = seen[0].split("-")
    assert (version, trace, flags) == ("00", given, "00")
    assert len(span) == 16
    assert span != "00f067aa0ba902b7"


@pytest.mark.parametrize("given", [[], [b"traceparent: no"], [b"traceparent: 00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-00"] * 2])
async def test_a_trace_is_made_where_none_is_given(server: Server, given: list[bytes]) -> None:
    seen = [value for name, value in (await echo(server, headers=given))["headers"] if name == "traceparent"]
    assert len(seen) == 1
    _, trace, span, flags = seen[0].split("-")
    assert (len(trace), len(span), flags) == (32, 16, "01")
    assert trace != "1" * 32


@pytest.mark.parametrize("size", [0, 1, 1000, 65_536, 65_537, 1_000_000])
async def test_bodies_of_any_size_arrive(server: Server, size: int) -> None:
    body = os.urandom(size)
    seen = await echo(server, method="POST", body=body)
    assert seen["body"] == (body.hex() if size < 100_000 else size)
    assert seen["kind"] == ("none" if size == 0 else "bytes" if size <= 65_536 else "stream")


async def test_a_chunked_body_arrives(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(b"POST / HTTP/1.1\r\nHost: echo.acme.localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (b"a", b"\x00\xff", b"z" * 50_000):
        await connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        await asyncio.sleep(0.02)
    await connection.send(b"0\r\nx-trailer: 1\r\n\r\n")
    seen = json.loads((await connection.answer()).body)
    assert bytes.fromhex(seen["body"]) == b"a\x00\xff" + b"z" * 50_000
    assert seen["kind"] == "stream"
    await connection.close()


async def test_a_body_asked_for_is_sent(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(b"POST / HTTP/1.1\r\nHost: echo.acme.localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert (await connection.head()).status == 100
    await connection.send(b"abc")
    assert json.loads((await connection.answer()).body)["body"] == "616263"
    await connection.close()


async def test_head_has_the_length_and_no_body(server: Server) -> None:
    connection = await Connection.open(server.port)
    for _ in range(2):
        await connection.send(message("hello.acme.localhost", method="HEAD"))
        answer = await connection.answer("HEAD")
        assert (answer.status, answer.get(b"content-length")) == (200, b"5")
    # A body that nobody asked for would be taken for the head of this answer.
    await connection.send(message("hello.acme.localhost"))
    assert (await connection.answer()).body == b"hello"
    await connection.close()


async def test_head_keeps_a_length_the_worker_declared(server: Server) -> None:
    answer = await said(server, "HEAD", body="", headers=[["content-length", "1234"]])
    assert answer.get(b"content-length") == b"1234"
    answer = await ask(server.port, "drip.acme.localhost", method="HEAD")
    assert answer.status == 200
    assert answer.get(b"content-length") in (None, b"0")


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body(server: Server, status: int) -> None:
    connection = await Connection.open(server.port)
    await connection.send(message("says.acme.localhost", hexed(status=status, body="nothing", headers=[["x-a", "1"]])))
    answer = await connection.answer()
    assert (answer.status, answer.get(b"x-a"), answer.get(b"content-length")) == (status, b"1", None)
    await connection.send(message("hello.acme.localhost"))
    assert (await connection.answer()).body == b"hello"
    await connection.close()


@pytest.mark.parametrize("status", [200, 201, 299, 404, 418, 451, 500, 599])
async def test_statuses(server: Server, status: int) -> None:
    answer = await said(server, status=status, body="b")
    assert (answer.status, answer.body) == (status, b"b")


@pytest.mark.parametrize("status", [0, 99, 100, 101, 199, 600, 999, 70_000])
async def test_a_status_that_is_none_is_the_workers_error(server: Server, status: int) -> None:
    answer = await said(server, status=status)
    assert (answer.status, answer.get(b"hostel-error")) == (500, b"worker_response_invalid")


async def test_response_headers_pass_byte_for_byte(server: Server) -> None:
    wanted = [
        ["set-cookie", "a=1; Path=/"],
        ["x-raw", "caf\xe9\xff"],
        ["set-cookie", "b=2"],
        ["x-empty", ""],
        ["Set-Cookie", "c=3"],
        ["server", "mine"],
    ]
    answer = await said(server, headers=wanted)
    assert [value for name, value in answer.headers if name == b"set-cookie"] == [b"a=1; Path=/", b"b=2", b"c=3"]
    assert answer.get(b"x-raw") == b"caf\xe9\xff"
    assert answer.get(b"x-empty") == b""
    assert [value for name, value in answer.headers if name == b"server"] == [b"mine"]


@pytest.mark.parametrize(
    "header",
    [
        ["x", "a\r\nset-cookie: evil=1"],
        ["x\r\nevil", "1"],
        ["x y", "1"],
        ["", "1"],
        ["x", "a\x00b"],
        ["x:", "1"],
        ["x", "a\nb"],
        ["caf\xe9", "1"],
    ],
)
async def test_a_header_that_would_split_the_response_is_the_workers_error(server: Server, header: list[str]) -> None:
    answer = await said(server, headers=[["x-before", "1"], header])
    assert (answer.status, answer.get(b"hostel-error")) == (500, b"worker_response_invalid")
    assert b"evil" not in answer.raw
    assert answer.get(b"x-before") is None


async def test_a_worker_cannot_frame_the_message(server: Server) -> None:
    connection = await Connection.open(server.port)
    hostile = [
        ["transfer-encoding", "chunked"],
        ["Content-Length", "1000"],
        ["connection", "close"],
        ["keep-alive", "x"],
        ["upgrade", "h2c"],
        ["trailer", "x"],
    ]
    await connection.send(message("says.acme.localhost", hexed(body="four", headers=[*hostile, ["content-length", "2"]])) * 2)
    for _ in range(2):
        answer = await connection.answer()
        assert answer.body == b"four"
        assert [value for name, value in answer.headers if name == b"content-length"] == [b"4"]
        assert not {name for name, _ in answer.headers} & {b"transfer-encoding", b"connection", b"keep-alive", b"upgrade", b"trailer"}
    await connection.close()


async def test_response_headers_are_bounded(server: Server) -> None:
    answer = await said(server, wide=250_000)
    assert (answer.status, len(answer.get(b"x-wide") or b"")) == (200, 250_000)
    answer = await said(server, wide=263_000)
    assert (answer.status, answer.get(b"hostel-error")) == (500, b"worker_response_invalid")


async def test_the_response_says_who_made_it(server: Server) -> None:
    first = await ask(server.port, "hello.acme.localhost")
    assert first.get(b"hostel-version") == b"00000001-0000-4000-8000-000000000000"
    assert first.get(b"hostel-key") == b"acme-hello-00000001-0000-4000-8000-000000000000"
    assert (await ask(server.port, "hello.acme.localhost")).get(b"hostel-start") == b"warm"
    spoofed = await said(server, headers=[["hostel-version", "mine"], ["Hostel-Key", "mine"]])
    assert [value for name, value in spoofed.headers if name == b"hostel-version"] == [b"00000001-0000-4000-8000-000000000000"]
    assert spoofed.get(b"hostel-request-id") != first.get(b"hostel-request-id")


async def test_versions_are_picked_by_override_key_and_chance(server: Server) -> None:
    async def version(*headers: bytes) -> bytes | None:
        return (await ask(server.port, "split.acme.localhost", headers=list(headers))).get(b"hostel-version")

    one, two = (b"%08x-0000-4000-8000-000000000000" % number for number in (1, 2))
    for wanted in (one, two):
        assert await version(b'Cloudflare-Workers-Version-Overrides: hello="%s"' % wanted) == wanted
    for key in (b"alice", b"bob", b"caf\xe9"):
        assert len({await version(b"Cloudflare-Workers-Version-Key: " + key) for _ in range(5)}) == 1
    assert len({await version(b"Cloudflare-Workers-Version-Key: %d" % index) for index in range(30)}) == 2
    assert len({await version() for _ in range(30)}) == 2
    assert await version(b"Cloudflare-Workers-Version-Overrides: ))((") in (one, two)


async def test_a_connection_serves_many_requests(server: Server) -> None:
    connection = await Connection.open(server.port)
    for index in range(20):
        await connection.send(message("echo.acme.localhost", f"/{index}", "POST", body=b"b" * index * 7000))
        assert json.loads((await connection.answer()).body)["url"].endswith(f"/{index}")
    await connection.close()


async def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(b"".join(message("echo.acme.localhost", f"/{index}") for index in range(10)))
    for index in range(10):
        assert json.loads((await connection.answer()).body)["url"].endswith(f"/{index}")
    await connection.close()


async def test_connection_close_is_obeyed(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(message("hello.acme.localhost", headers=[b"Connection: close"]))
    assert (await connection.answer()).body == b"hello"
    assert await asyncio.wait_for(connection.reader.read(), 5) == b""
    await connection.close()


async def test_http_1_0_is_answered(server: Server) -> None:
    connection = await Connection.open(server.port)
    await connection.send(b"GET / HTTP/1.0\r\nHost: hello.acme.localhost\r\n\r\n")
    assert (await connection.answer()).body == b"hello"
    await connection.close()


async def test_an_upgrade_reaches_the_worker_as_a_request(server: Server) -> None:
    seen = await echo(
        server, headers=[b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: eA=="]
    )
    assert ["upgrade", "websocket"] in seen["headers"]


async def test_a_hundred_visitors_at_once(server: Server) -> None:
    answers = await asyncio.gather(
        *(ask(server.port, "echo.acme.localhost", f"/{index}", "POST", body=b"x" * index) for index in range(100))
    )
    assert [json.loads(answer.body)["url"].rpartition("/")[2] for answer in answers] == [str(index) for index in range(100)]
    assert len({answer.get(b"hostel-request-id") for answer in answers}) == 100
