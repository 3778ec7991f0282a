"""One exchange, seen from both ends of a real connection."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from sandbox.bindings import lanes, wire
from sandbox.bindings.decoding import FREE_BYTES, STEP_BYTES
from sandbox.bindings.failures import FetchFailed, FetchInvalid, FetchTimedOut, LoopDetected, NetworkLost, UpstreamInvalid
from sandbox.bindings.fetch import Outbound, OutboundRequest

from .conftest import ok, says


async def test_a_response_comes_back_as_it_was_sent(servers, outbound: Outbound) -> None:
    server = await servers(
        b"HTTP/1.1 203 Very Fine\r\nSet-Cookie: a=1\r\nX-Raw: caf\xe9\r\nset-cookie: b=2\r\nContent-Length: 3\r\nServer: s\r\n\r\n\x00\xffz"
    )
    response = await outbound.fetch(OutboundRequest("GET", f"{server.url}/p%2Fq/%ff?x=%7e&y"))
    assert (response.status, response.reason, response.redirected) == (203, "Very Fine", False)
    assert response.url == f"{server.url}/p%2Fq/%ff?x=%7e&y"
    assert response.headers == [
        (b"set-cookie", b"a=1"),
        (b"x-raw", b"caf\xe9"),
        (b"set-cookie", b"b=2"),
        (b"content-length", b"3"),
        (b"server", b"s"),
    ]
    assert await response.read() == b"\x00\xffz"
    assert server.heads[0].startswith(b"GET /p%2Fq/%ff?x=%7e&y HTTP/1.1\r\n")


async def test_a_request_goes_out_as_it_was_given(servers, outbound: Outbound) -> None:
    server = await servers(ok())
    headers = [
        (b"x-a", b"1"),
        (b"user-agent", b"mine"),
        (b"x-latin", b"caf\xe9"),
        (b"x-utf8", "é€".encode()),
        (b"x-a", b"2"),
        (b"cookie", b"c=d"),
    ]
    for method in ("GET", "POST", "PATCH", "PURGE"):
        await (await outbound.fetch(OutboundRequest(method, server.url, headers))).read()
        head = server.heads[-1]
        lines = [line for line in head.split(b"\r\n")[1:] if line and not line.lower().startswith((b"host", b"content-length"))]
        assert head.startswith(method.encode() + b" / HTTP/1.1\r\n")
        assert lines == [
            b"x-a: 1",
            b"user-agent: mine",
            b"x-latin: caf\xe9",
            b"x-utf8: \xc3\xa9\xe2\x82\xac",
            b"x-a: 2",
            b"cookie: c=d",
            b"cdn-loop: hostel",
            b"accept-encoding: gzip",
        ]


async def test_nothing_is_added_that_the_guest_did_not_ask_for(servers, outbound: Outbound) -> None:
    server = await servers(ok())
    await (await outbound.fetch(OutboundRequest("POST", server.url, [(b"accept-encoding", b"identity")], body=b"x"))).read()
    names = [line.split(b":")[0].lower() for line in server.heads[0].split(b"\r\n")[1:] if line]
    assert sorted(names) == [b"accept-encoding", b"cdn-loop", b"content-length", b"host"]


@pytest.mark.parametrize(
    "name", ["host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "proxy-connection"]
)
async def test_the_hosts_own_headers_cannot_be_set(servers, outbound: Outbound, name: str) -> None:
    server = await servers(ok())
    await (await outbound.fetch(OutboundRequest("GET", server.url, [(name.encode(), b"evil"), (b"x", b"y")]))).read()
    assert b"evil" not in server.heads[0]
    assert b"host: 127.0.0.1:%d\r\n" % server.port in server.heads[0].lower()


async def test_headers_named_by_connection_stay_on_their_hop(servers, outbound: Outbound) -> None:
    server = await servers(ok(b"x", b"Connection: keep-alive, X-Hop", b"X-Hop: 1", b"Keep-Alive: timeout=1", b"X-End: 2"))
    response = await outbound.fetch(OutboundRequest("GET", server.url, [(b"connection", b"x-mine"), (b"x-mine", b"1"), (b"x-other", b"2")]))
    assert [name for name, _ in response.headers] == [b"content-length", b"x-end"]
    assert b"x-mine" not in server.heads[0]
    assert b"x-other: 2" in server.heads[0]
    await response.aclose()


@pytest.mark.parametrize(
    "headers", [[(b"a b", b"c")], [(b"", b"c")], [(b"a", b"b\r\nc: d")], [(b"a", b"\x00")], [(b"a:", b"b")], [(b"content-length", b"-1")]]
)
async def test_a_header_that_would_break_the_message_is_refused(servers, outbound: Outbound, headers) -> None:
    server = await servers(ok())
    with pytest.raises(FetchInvalid):
        await outbound.fetch(OutboundRequest("GET", server.url, headers))
    assert server.heads == []


@pytest.mark.parametrize(
    "url",
    ["", "x", "/a", "ftp://a/", "file:///etc/passwd", "http://", "http:///a", "http://a:0/", "http://a:70000/", "http://a b/", "http://a/\r\nx: y",
     "http://a%2eb/", "http://é/", "http://[::1", "http://a\\b/", "data:,x", "unix:///run/x.sock", "http://a/\x00"],
)  # fmt: skip
async def test_a_url_that_cannot_be_fetched_is_refused(outbound: Outbound, url: str) -> None:
    with pytest.raises(FetchInvalid) as caught:
        await outbound.fetch(OutboundRequest("GET", url))
    assert caught.value.name == "TypeError"


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "track", "", "A B", "G\r\nET", "É"])
async def test_a_method_that_cannot_be_fetched_is_refused(outbound: Outbound, method: str) -> None:
    with pytest.raises(FetchInvalid):
        await outbound.fetch(OutboundRequest(method, "http://127.0.0.1:1/"))


async def test_head_and_empty_statuses_have_no_body(servers, outbound: Outbound) -> None:
    server = await servers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\n")
    response = await outbound.fetch(OutboundRequest("HEAD", server.url))
    assert await response.read() == b""
    assert (b"content-length", b"5") in response.headers
    server = await servers(b"HTTP/1.1 304 Not Modified\r\nEtag: x\r\n\r\n")
    assert await (await outbound.fetch(OutboundRequest("GET", server.url))).read() == b""


async def test_a_body_of_bytes_has_a_length(servers, outbound: Outbound) -> None:
    got = []

    async def handler(reader, writer, head):
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        got.append(await reader.readexactly(length))
        writer.write(ok(b"done"))

    server = await servers(handler)
    for body in (b"", b"\x00\xff" * 10, b"z" * 3_000_000):
        response = await outbound.fetch(OutboundRequest("POST", server.url, body=body))
        assert await response.read() == b"done"
        assert got.pop() == body
    assert server.connections == 1


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_stream_is_sent_in_chunks(servers, outbound: Outbound) -> None:
    async def handler(reader, writer, head):
        assert b"transfer-encoding: chunked" in head.lower()
        body = await reader.readuntil(b"0\r\n\r\n")
        writer.write(ok(body))

    server = await servers(handler)
    response = await outbound.fetch(OutboundRequest("POST", server.url, [(b"x", b"\xe9")], body=chunks(b"ab", b"", b"cde")))
    assert await response.read() == b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
    assert b"x: \xe9\r\n" in server.heads[0]


async def test_a_fixed_length_stream_keeps_its_length(servers, outbound: Outbound) -> None:
    async def handler(reader, writer, head):
        assert b"content-length: 5" in head.lower()
        writer.write(ok(await reader.readexactly(5)))

    server = await servers(handler)
    response = await outbound.fetch(OutboundRequest("PUT", server.url, [(b"Content-Length", b"5")], body=chunks(b"ab", b"cde")))
    assert await response.read() == b"abcde"


@pytest.mark.parametrize("parts", [(b"ab",), (b"abcd", b"efg")])
async def test_a_fixed_length_stream_of_another_length_fails(servers, outbound: Outbound, parts) -> None:
    async def handler(reader, writer, head):
        await reader.readexactly(5)
        await asyncio.sleep(5)

    server = await servers(handler)
    with pytest.raises(FetchInvalid, match="Content-Length"):
        await outbound.fetch(OutboundRequest("PUT", server.url, [(b"content-length", b"5")], body=chunks(*parts)))


async def test_a_body_that_breaks_off_breaks_the_request_off(servers, outbound: Outbound) -> None:
    seen = asyncio.get_running_loop().create_future()

    async def handler(reader, writer, head):
        try:
            await reader.readuntil(b"0\r\n\r\n")
            seen.set_result("ended")
        except asyncio.IncompleteReadError:
            seen.set_result("broken")
            raise

    async def body():
        yield b"x"
        raise RuntimeError("the guest's stream errored")

    server = await servers(handler)
    with pytest.raises(NetworkLost):
        await outbound.fetch(OutboundRequest("POST", server.url, body=body()))
    assert await seen == "broken"


async def test_a_sender_waits_for_a_slow_reader(servers, outbound: Outbound) -> None:
    sent = 0
    gate = asyncio.Event()

    async def handler(reader, writer, head):
        await gate.wait()
        while (await reader.readline()) != b"0\r\n":
            pass
        await reader.readline()
        writer.write(ok())

    async def body():
        nonlocal sent
        for _ in range(200):
            sent += 1
            yield b"x" * 65535 + b"\n"

    server = await servers(handler)
    task = asyncio.ensure_future(outbound.fetch(OutboundRequest("POST", server.url, body=body())))
    await asyncio.sleep(0.3)
    assert 0 < sent < 150
    gate.set()
    await (await task).read()
    assert sent == 200


async def test_a_reader_holds_the_sender_up(servers, outbound: Outbound) -> None:
    written = 0

    async def handler(reader, writer, head):
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
        for _ in range(1600):
            writer.write(b"y" * 65536)
            await writer.drain()
            written += 65536

    server = await servers(handler)
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    await asyncio.sleep(0.3)
    assert written < 20_000_000
    total = 0
    async for chunk in response.body:
        assert len(chunk) <= 65536
        total += len(chunk)
    assert total == 104857600


async def test_a_gzip_body_is_decoded(servers, outbound: Outbound) -> None:
    packed = gzip.compress(b"hello " * 1000) + gzip.compress(b"world")
    server = await servers(ok(packed, b"Content-Encoding: gzip"))
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    assert await response.read() == b"hello " * 1000 + b"world"
    assert response.headers == [(b"content-encoding", b"gzip")]


async def test_other_codings_are_the_guests_business(servers, outbound: Outbound) -> None:
    packed = zlib.compress(b"hello")
    server = await servers(ok(packed, b"Content-Encoding: deflate"))
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    assert await response.read() == packed
    assert (b"content-length", b"%d" % len(packed)) in response.headers


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:20] + b"????" + data[24:], lambda data: b"nope"])
async def test_a_damaged_gzip_body_is_an_error(servers, outbound: Outbound, damage) -> None:
    server = await servers(ok(damage(gzip.compress(bytes(range(256)) * 99)), b"Content-Encoding: gzip"))
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    with pytest.raises(UpstreamInvalid):
        await response.read()


async def test_a_gzip_bomb_is_cut_and_never_held(servers, outbound: Outbound) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([packer.compress(bytes(1 << 20)) for _ in range(200)]) + packer.flush()
    server = await servers(ok(bomb, b"Content-Encoding: gzip"))
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    sizes: list[int] = []

    async def drain() -> None:
        async for chunk in response.body:
            sizes.append(len(chunk))  # noqa: PERF401 - what came before the error counts

    with pytest.raises(UpstreamInvalid, match="unpacks"):
        await drain()
    assert max(sizes) <= STEP_BYTES
    assert sum(sizes) <= FREE_BYTES


async def test_much_from_little_is_fine_while_it_is_small(servers, outbound: Outbound) -> None:
    server = await servers(ok(gzip.compress(bytes(FREE_BYTES)), b"Content-Encoding: gzip"))
    assert len(await (await outbound.fetch(OutboundRequest("GET", server.url))).read()) == FREE_BYTES


async def test_a_response_cut_short_is_an_error(servers, outbound: Outbound) -> None:
    for cut in (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"):
        server = await servers(says(cut, close=True))
        response = await outbound.fetch(OutboundRequest("GET", server.url))
        with pytest.raises(NetworkLost):
            await response.read()


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % index for index in range(300)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + b"".join(b"X-%d: %s\r\n" % (index, b"a" * 30_000) for index in range(5)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a\x01b\r\n\r\n",
    ],
)
async def test_a_response_that_breaks_a_limit_or_the_rules_is_an_error(servers, outbound: Outbound, answer: bytes) -> None:
    server = await servers(says(answer, close=True))
    with pytest.raises(UpstreamInvalid):
        await outbound.fetch(OutboundRequest("GET", server.url))


async def test_large_response_headers_within_the_limit_arrive(servers, outbound: Outbound) -> None:
    server = await servers(ok(b"", *[b"X-%d: %s" % (index, b"a" * 30_000) for index in range(4)]))
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    assert sum(len(value) for _, value in response.headers) > 120_000
    await response.aclose()


async def test_a_closed_port_tells_nothing_but_that_the_connection_failed(outbound: Outbound) -> None:
    with pytest.raises(NetworkLost) as caught:
        await outbound.fetch(OutboundRequest("GET", "http://127.0.0.1:1/"))
    assert caught.value.message == "Network connection lost."
    assert caught.value.name == "Error"


async def test_a_server_that_hangs_up_is_a_lost_connection(servers, outbound: Outbound) -> None:
    server = await servers(says(b"", close=True))
    with pytest.raises(NetworkLost):
        await outbound.fetch(OutboundRequest("POST", server.url))


async def test_connecting_is_bounded(outbound: Outbound, monkeypatch) -> None:
    monkeypatch.setattr(lanes, "CONNECT_SECONDS", 0.05)
    async with Outbound(outbound._policy, lookup=lambda host, port: __import__("time").sleep(0.3) or ["127.0.0.1"]) as slow:
        with pytest.raises(FetchTimedOut):
            await slow.fetch(OutboundRequest("GET", "http://slow.example/"))


async def test_cancelling_closes_the_connection(servers, outbound: Outbound) -> None:
    gone = asyncio.Event()

    async def handler(reader, writer, head):
        assert await reader.read(1) == b""
        gone.set()
        writer.close()

    server = await servers(handler)
    task = asyncio.ensure_future(outbound.fetch(OutboundRequest("GET", server.url)))
    await asyncio.sleep(0.1)
    assert outbound.stats()["under_way"] == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(gone.wait(), 2)
    assert outbound.stats()["under_way"] == 0


async def test_closing_a_body_early_closes_the_connection(servers, outbound: Outbound) -> None:
    gone = asyncio.Event()

    async def handler(reader, writer, head):
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            gone.set()
            raise

    server = await servers(handler)
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    assert await anext(response.body) == b"x"
    await response.aclose()
    await response.aclose()
    assert [chunk async for chunk in response.body] == []
    await asyncio.wait_for(gone.wait(), 2)
    assert outbound.stats()["under_way"] == 0


async def test_connections_are_reused_within_a_tenant_and_never_across(servers, outbound: Outbound) -> None:
    server = await servers(ok())
    for scope, expected in (("a", 1), ("a", 1), ("b", 2), ("a", 2), ("b", 2)):
        await (await outbound.fetch(OutboundRequest("GET", server.url, scope=scope))).read()
        assert server.connections == expected


async def test_a_tenant_waits_for_its_own_connections_only(servers, monkeypatch, outbound: Outbound) -> None:
    monkeypatch.setattr(lanes, "CONNECTIONS_PER_SCOPE", 2)
    gate = asyncio.Event()

    async def handler(reader, writer, head):
        await gate.wait()
        writer.write(ok())

    server = await servers(handler)
    busy = [asyncio.ensure_future(outbound.fetch(OutboundRequest("GET", server.url, scope="busy"))) for _ in range(5)]
    other = asyncio.ensure_future(outbound.fetch(OutboundRequest("GET", server.url, scope="other")))
    await asyncio.sleep(0.1)
    assert server.connections == 3
    gate.set()
    for response in await asyncio.gather(*busy, other):
        await response.read()
    assert server.connections == 3


async def test_idle_tenants_are_forgotten(servers, monkeypatch, outbound: Outbound) -> None:
    monkeypatch.setattr(lanes, "IDLE_LANES", 3)
    server = await servers(ok())
    held = await outbound.fetch(OutboundRequest("GET", server.url, scope="held"))
    for index in range(10):
        await (await outbound.fetch(OutboundRequest("GET", server.url, scope=str(index)))).read()
    assert outbound.stats()["lanes"] <= 4
    assert await held.read() == b"hello"
    assert outbound.stats()["under_way"] == 0


async def test_cookies_are_never_remembered(servers, outbound: Outbound) -> None:
    server = await servers(ok(b"", b"Set-Cookie: secret=1; Path=/"))
    for _ in range(2):
        await (await outbound.fetch(OutboundRequest("GET", server.url))).read()
    assert b"secret" not in server.heads[1]


async def test_the_environments_proxy_and_netrc_are_not_used(servers, outbound: Outbound, monkeypatch, tmp_path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login root password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server = await servers(ok())
    assert await (await outbound.fetch(OutboundRequest("GET", server.url))).read() == b"hello"
    assert b"authorization" not in server.heads[0].lower()


async def test_credentials_in_a_url_are_not_sent(servers, outbound: Outbound) -> None:
    server = await servers(ok())
    response = await outbound.fetch(OutboundRequest("GET", server.url.replace("127", "user:secret@127")))
    assert response.url in {f"{server.url}/", server.url}
    await response.read()
    assert b"authorization" not in server.heads[0].lower()


async def test_passes_through_the_platform_are_counted_and_bounded(servers, outbound: Outbound) -> None:
    server = await servers(ok())
    forged = [(b"cdn-loop", b"hostel, other;v=1"), (b"CDN-Loop", b"HOSTEL")]
    await (await outbound.fetch(OutboundRequest("GET", server.url, forged, loops=3))).read()
    sent = [line for line in server.heads[0].split(b"\r\n") if line.startswith(b"cdn-loop")]
    assert sent == [b"cdn-loop: other;v=1, hostel, hostel, hostel, hostel"]
    assert wire.loops_of([(b"cdn-loop", sent[0].split(b": ")[1])]) == 4
    await (await outbound.fetch(OutboundRequest("GET", server.url, loops=15))).read()
    with pytest.raises(LoopDetected):
        await outbound.fetch(OutboundRequest("GET", server.url, loops=16))


async def test_failures_are_counted_by_code(outbound: Outbound) -> None:
    with pytest.raises(FetchFailed):
        await outbound.fetch(OutboundRequest("GET", "http://10.0.0.1/"))
    with pytest.raises(FetchFailed):
        await outbound.fetch(OutboundRequest("GET", "http://127.0.0.1:1/"))
    assert outbound.stats() == {
        "fetches": 2,
        "under_way": 0,
        "lanes": 1,
        "refused": {"private": 1},
        "failed": {"egress_refused": 1, "fetch_network_lost": 1},
    }
