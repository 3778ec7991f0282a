"""Attacks on the egress guard: each tries to reach a real server on loopback that must see nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.bindings import guard
from sandbox.bindings.egress import EgressPolicy
from sandbox.bindings.failures import EgressRefused, FetchFailed, HostUnresolved, NetworkLost, RedirectFailed, TlsFailed
from sandbox.bindings.fetch import Outbound, OutboundRequest

from .conftest import ok, redirect
from .test_networks import spellings


async def test_loopback_is_refused_by_default_and_reached_when_allowed(servers, strict: Outbound, outbound: Outbound) -> None:
    server = await servers(ok())
    with pytest.raises(EgressRefused) as caught:
        await strict.fetch(OutboundRequest("GET", server.url))
    assert caught.value.message == "The host '127.0.0.1' is not allowed by this platform's egress policy."
    assert server.connections == 0
    assert await (await outbound.fetch(OutboundRequest("GET", server.url))).read() == b"hello"


@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_spelling_of_loopback_reaches_a_server(data: st.DataObject) -> None:
    spelling = data.draw(st.sampled_from(spellings(IPv4Address("127.0.0.1"))))
    host = f"[{spelling}]" if ":" in spelling and not spelling.startswith("[") else spelling

    async def attack() -> None:
        with socket.create_server(("127.0.0.1", 0)) as trap:
            trap.setblocking(False)
            async with Outbound(EgressPolicy()) as strict:
                with pytest.raises(EgressRefused):
                    await strict.fetch(OutboundRequest("GET", f"http://{host}:{trap.getsockname()[1]}/"))
            with pytest.raises(BlockingIOError):
                trap.accept()

    asyncio.run(attack())


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost.", "ip6-localhost.x"])
async def test_names_of_loopback_are_refused(servers, host: str) -> None:
    server = await servers(ok())
    async with Outbound(EgressPolicy(), lookup=lambda name, port: ["127.0.0.1", "::1"]) as strict:
        with pytest.raises(EgressRefused) as caught:
            await strict.fetch(OutboundRequest("GET", f"http://{host}:{server.port}/"))
    assert "127" not in caught.value.message
    assert server.connections == 0


async def test_the_systems_own_resolver_is_vetted_too(servers, strict: Outbound) -> None:
    server = await servers(ok())
    with pytest.raises(EgressRefused):
        await strict.fetch(OutboundRequest("GET", f"http://localhost:{server.port}/"))
    assert server.connections == 0


async def test_only_the_public_ones_of_several_addresses_are_tried(servers) -> None:
    server = await servers(ok())
    opened = []

    def watch(self: guard.Guard, info):
        opened.append(info[4][0])
        raise guard.Refusal

    async with Outbound(EgressPolicy(), lookup=lambda name, port: ["127.0.0.1", "192.0.2.1", "1.1.1.1"]) as strict:
        patch = pytest.MonkeyPatch()
        patch.setattr(guard.Guard, "open_socket", watch)
        with patch.context(), pytest.raises(EgressRefused):
            await strict.fetch(OutboundRequest("GET", f"http://mixed.example:{server.port}/"))
        patch.undo()
    assert opened == ["1.1.1.1"]
    assert server.connections == 0


async def test_dns_rebinding_between_lookup_and_connect_is_caught(servers) -> None:
    """The name is public when it is vetted; by the time a socket is made, a poisoned cache says 127.0.0.1."""
    server = await servers(ok())
    async with Outbound(EgressPolicy(), lookup=lambda name, port: ["93.184.216.34"]) as strict:
        patch = pytest.MonkeyPatch()

        async def rebound(self, host, port, traces=None):
            return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

        patch.setattr(aiohttp.TCPConnector, "_resolve_host", rebound)
        with pytest.raises(EgressRefused):
            await strict.fetch(OutboundRequest("GET", f"http://rebind.example:{server.port}/"))
        patch.undo()
        assert strict.stats()["refused"] == {"loopback": 1}
    assert server.connections == 0


async def test_a_resolver_that_answers_public_then_private_gains_nothing(servers) -> None:
    server = await servers(ok())
    answers = [["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]]
    policy = EgressPolicy.allowing("93.184.216.34")
    async with Outbound(policy, lookup=lambda name, port: answers.pop(0)) as strict:
        for _ in range(2):
            with pytest.raises(FetchFailed):
                await asyncio.wait_for(strict.fetch(OutboundRequest("GET", f"http://flip.example:{server.port}/", scope=str(_))), 0.5)
    assert server.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/",
        "//127.0.0.2:{port}/x",
        "http://2130706434:{port}/",
        "http://0x7f.2:{port}/",
        "http://[::ffff:127.0.0.2]:{port}/",
        "http://localhost:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://10.0.0.1/",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_cannot_lead_where_a_request_cannot(servers, location: str, status: int) -> None:
    inner = await servers(ok(b"secret"))
    outer = await servers(redirect(location.format(port=inner.port), status))
    policy = EgressPolicy.allowing(f"127.0.0.1:{outer.port}")
    lookup = {"localhost": ["127.0.0.1"], "metadata.google.internal": ["169.254.169.254"]}
    async with Outbound(policy, lookup=lambda name, port: lookup[name]) as strict:
        with pytest.raises(EgressRefused):
            await strict.fetch(OutboundRequest("GET", outer.url))
    assert outer.connections == 1
    assert inner.connections == 0


async def test_a_trusted_name_is_trusted_and_nothing_else_that_has_its_address(servers) -> None:
    server = await servers(ok())
    policy = EgressPolicy.allowing(f"inner.example:{server.port}")
    async with Outbound(policy, lookup=lambda name, port: ["127.0.0.1"]) as it:
        for _ in range(2):
            assert await (await it.fetch(OutboundRequest("GET", f"http://Inner.example:{server.port}/"))).read() == b"hello"
        assert b"host: inner.example:" in server.heads[0].lower()
        for other in (f"http://outer.example:{server.port}/", f"http://127.0.0.1:{server.port}/", "http://inner.example:1/"):
            with pytest.raises(EgressRefused):
                await it.fetch(OutboundRequest("GET", other))
    assert server.connections == 1


async def test_mail_is_refused_everywhere(outbound: Outbound) -> None:
    with pytest.raises(EgressRefused):
        await outbound.fetch(OutboundRequest("POST", "http://127.0.0.1:25/"))
    assert outbound.stats()["refused"] == {"port": 1}


async def test_a_name_that_does_not_exist() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with Outbound(EgressPolicy(), lookup=nothing) as it:
        with pytest.raises(HostUnresolved) as caught:
            await it.fetch(OutboundRequest("GET", "http://nowhere.example/"))
    assert caught.value.message == "The host could not be resolved: nowhere.example."


async def test_one_tenants_dead_name_servers_hold_up_no_other(servers) -> None:
    server = await servers(ok())
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def lookup(host: str, port: int) -> list[str]:
        if host.startswith("dead"):
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return ["127.0.0.1"]

    async with Outbound(EgressPolicy.allowing("127.0.0.1"), lookup=lookup) as it:
        dead = [asyncio.ensure_future(it.fetch(OutboundRequest("GET", f"http://dead{index}.example/", scope="bad"))) for index in range(64)]
        await asyncio.sleep(0.1)
        good = OutboundRequest("GET", f"http://good.example:{server.port}/", scope="good")
        assert await (await asyncio.wait_for(it.fetch(good), 1)).read() == b"hello"
        release.set()
        assert all(isinstance(result, NetworkLost) for result in await asyncio.gather(*dead, return_exceptions=True))


def certificate(name: str) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return built.public_bytes(serialization.Encoding.PEM), secret


async def test_tls_is_verified_for_the_name_in_the_url(tmp_path) -> None:
    public, secret = certificate("secure.example")
    (tmp_path / "pem").write_bytes(public + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    policy = EgressPolicy.allowing("127.0.0.1")
    trusting = ssl.create_default_context(cadata=public.decode())
    async with (
        server,
        Outbound(policy, lookup=lambda *_: ["127.0.0.1"], tls=trusting) as it,
        Outbound(policy, lookup=lambda *_: ["127.0.0.1"]) as system,
    ):
        assert await (await it.fetch(OutboundRequest("GET", f"https://secure.example:{port}/"))).read() == b"hello"
        for wrong in (
            it.fetch(OutboundRequest("GET", f"https://other.example:{port}/")),
            system.fetch(OutboundRequest("GET", f"https://secure.example:{port}/")),
        ):
            with pytest.raises(TlsFailed):
                await wrong


async def test_too_many_redirects(servers, outbound: Outbound) -> None:
    server = await servers(redirect("/again"))
    with pytest.raises(RedirectFailed, match="Too many redirects"):
        await outbound.fetch(OutboundRequest("GET", server.url))
    assert len(server.heads) == 21
    assert outbound.stats()["under_way"] == 0


async def test_the_last_allowed_redirect_is_followed(servers, outbound: Outbound) -> None:
    async def handler(reader, writer, head):
        step = int(head.split(b" ")[1][1:] or b"0")
        writer.write(ok() if step == 20 else redirect(f"/{step + 1}"))

    server = await servers(handler)
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    assert (response.url, response.redirected, await response.read()) == (f"{server.url}/20", True, b"hello")


async def test_manual_and_error_modes(servers, outbound: Outbound) -> None:
    server = await servers(redirect("http://10.0.0.1/"))
    response = await outbound.fetch(OutboundRequest("GET", server.url, redirect="manual"))
    assert (response.status, response.redirected) == (302, False)
    assert (b"location", b"http://10.0.0.1/") in response.headers
    await response.aclose()
    with pytest.raises(RedirectFailed, match="'error'"):
        await outbound.fetch(OutboundRequest("GET", server.url, redirect="error"))
    with pytest.raises(FetchFailed):
        await outbound.fetch(OutboundRequest("GET", server.url, redirect="maybe"))


@pytest.mark.parametrize(
    ("status", "method", "then", "kept"),
    [
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (303, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (303, "HEAD", "HEAD", False),
        (301, "PUT", "PUT", True),
        (302, "DELETE", "DELETE", True),
        (307, "POST", "POST", True),
        (308, "PATCH", "PATCH", True),
        (301, "HEAD", "HEAD", False),
    ],
)
async def test_methods_and_bodies_follow_the_standard(
    servers, outbound: Outbound, *, status: int, method: str, then: str, kept: bool
) -> None:
    seen = []

    async def handler(reader, writer, head):
        lower = head.lower()
        length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0]) if b"content-length: " in lower else 0
        seen.append((head.split(b" ")[0].decode(), await reader.readexactly(length), b"content-type" in lower, b"x-keep" in lower))
        writer.write(redirect("/next", status) if len(seen) == 1 else ok(b""))

    server = await servers(handler)
    body = None if method == "HEAD" else b"payload"
    headers = [(b"content-type", b"a/b"), (b"x-keep", b"1")]
    await (await outbound.fetch(OutboundRequest(method, server.url, headers, body=body))).aclose()
    assert seen[1] == (then, b"payload" if kept else b"", then == method, True)


async def test_a_used_stream_cannot_be_sent_again(servers, outbound: Outbound) -> None:
    async def handler(reader, writer, head):
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(redirect("/next", 307))

    async def body():
        yield b"x"

    server = await servers(handler)
    with pytest.raises(RedirectFailed, match="one-time-use body"):
        await outbound.fetch(OutboundRequest("POST", server.url, body=body()))


async def test_secrets_stay_with_their_origin(servers, outbound: Outbound) -> None:
    end = await servers(ok())
    headers = [(b"Authorization", b"Bearer s3cret"), (b"cookie", b"a=s3cret"), (b"x-other", b"1")]
    same = await servers(ok())

    async def handler(reader, writer, head):
        writer.write(redirect("/here") if b" / " in head.split(b"\r\n")[0] else redirect(f"{end.url}/there"))

    start = await servers(handler)
    await (await outbound.fetch(OutboundRequest("GET", start.url, headers))).read()
    assert b"s3cret" in start.heads[1]
    assert b"s3cret" not in end.heads[0]
    assert b"x-other: 1" in end.heads[0]
    assert same.heads == []


@pytest.mark.parametrize(
    "location", ["ftp://a/", "javascript:1", "file:///etc/passwd", "http://a:99999/", "http://[::1", "data:,x", "http:///"]
)
async def test_a_location_that_is_no_web_address_is_an_error(servers, outbound: Outbound, location: str) -> None:
    server = await servers(redirect(location))
    with pytest.raises(FetchFailed):
        await outbound.fetch(OutboundRequest("GET", server.url))


async def test_a_location_is_taken_as_it_is(servers, outbound: Outbound) -> None:
    async def handler(reader, writer, head):
        writer.write(
            ok() if b"sig" in head else b"HTTP/1.1 302 F\r\nContent-Length: 0\r\nLocation:  /a%2f%7E/\xc3\xa9 b?sig=%7e%2F+#frag \r\n\r\n"
        )

    server = await servers(handler)
    response = await outbound.fetch(OutboundRequest("GET", f"{server.url}/start"))
    assert server.heads[1].startswith(b"GET /a%2f%7E/%C3%A9%20b?sig=%7e%2F+ HTTP/1.1\r\n")
    assert response.url == f"{server.url}/a%2f%7E/%C3%A9%20b?sig=%7e%2F+"
    await response.aclose()


async def test_a_redirect_without_a_location_is_an_answer(servers, outbound: Outbound) -> None:
    server = await servers(b"HTTP/1.1 302 F\r\nContent-Length: 0\r\n\r\n")
    response = await outbound.fetch(OutboundRequest("GET", server.url))
    assert response.status == 302
    await response.aclose()
