"""The host's price for cryptography: charged to the request, one slow operation of a tenant at a time, bounded by number and size."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import Bundle, InvocationRecord, Limits, Sandbox
from sandbox.errors import CpuExceeded, GuestFault
from sandbox.protocol.effects import Fields
from sandbox.webcrypto import keys, operations
from sandbox.webcrypto.failures import CryptoFailed
from sandbox.webcrypto.service import _OPERATIONS, Cryptographer, _answer

URL = "http://example.com/"
_NAMES = count()
SLOW = """
const key = () => crypto.subtle.importKey("raw", new Uint8Array(8), "PBKDF2", false, ["deriveBits"]);
const stretch = async (times) => {
  const base = await key();
  const all = Array.from({ length: times }, () =>
    crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-512", salt: new Uint8Array(8), iterations: 100_000 }, base, 256));
  await Promise.all(all);
};
"""


async def load(box: Sandbox, body: str, limits: Limits) -> tuple[Any, list[InvocationRecord]]:
    worker = await box.load(f"crypto{next(_NAMES)}", Bundle.js(f"{SLOW} export default {{ async fetch() {{ {body} }} }}"), limits=limits)
    records: list[InvocationRecord] = []
    worker.target.on_finish = records.append
    return worker, records


async def test_what_the_host_computes_is_the_requests_time(box: Sandbox) -> None:
    worker, records = await load(box, "await stretch(1); return new Response('done')", Limits(cpu_ms=10_000))
    assert await (await worker.fetch(URL)).text() == "done"
    # A hundred thousand rounds of SHA-512 take the fastest processor more than this.
    assert records[0].cpu_us > 10_000


async def test_a_request_that_lets_the_host_compute_is_stopped_at_its_limit(box: Sandbox) -> None:
    worker, _ = await load(box, "await stretch(200); return new Response('done')", Limits(cpu_ms=50))
    with pytest.raises(CpuExceeded):
        await worker.fetch(URL)
    # The rest of what it asked for is not computed: the next one does not wait for it.
    quick, _ = await load(box, "return new Response('quick')", Limits())
    assert await (await quick.fetch(URL)).text() == "quick"


async def test_while_the_host_computes_others_are_served(box: Sandbox) -> None:
    slow, _ = await load(box, "await stretch(4); return new Response('done')", Limits(cpu_ms=60_000))
    quick, _ = await load(box, "return new Response('quick')", Limits())
    waiting = asyncio.ensure_future(slow.fetch(URL))
    await asyncio.sleep(0)
    assert await (await quick.fetch(URL)).text() == "quick"
    assert await (await waiting).text() == "done"


async def test_at_start_up_nothing_is_asked_of_the_host(box: Sandbox) -> None:
    source = """
        const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(1));
        const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "AES-GCM", false, ["encrypt"]);
        const refused = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, digest).catch((error) => error.message);
        export default { fetch() { return Response.json([digest.byteLength, refused.slice(0, 20)]); } };
    """
    worker = await box.load("startup", Bundle.js(source))
    assert json.loads(await (await worker.fetch(URL)).text()) == [32, "Disallowed operation"]


def question(operation: str, parameters: str, blobs: list[bytes]) -> Fields:
    """What follows the empty binding of a CALL effect."""
    parts = [operation.encode(), parameters.encode()]
    packed = b"".join(struct.pack("<I", len(part)) + part for part in parts) + struct.pack("<I", len(blobs))
    return Fields(packed + b"".join(struct.pack("<I", len(blob)) + blob for blob in blobs))


@pytest.mark.parametrize(
    ("operation", "parameters", "blobs"),
    [
        ("encrypt", "{", []),
        ("encrypt", "[]", []),
        ("launch", "{}", []),
        ("encrypt", "{}", [b""] * 11),
    ],
    ids=["not JSON", "no object", "no such operation", "too many parts"],
)
def test_a_question_that_is_none_is_the_guests_fault(operation: str, parameters: str, blobs: list[bytes]) -> None:
    with pytest.raises(GuestFault):
        Cryptographer().ask(None, 1, question(operation, parameters, blobs), None)  # type: ignore[arg-type]


PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["AES-CBC", "AES-CTR", "AES-GCM", "RSA-OAEP", "RSA-PSS", "ECDSA", "ECDH", "Ed25519", "X25519", "?"]),
        "format": st.sampled_from(["raw", "spki", "pkcs8", "jwk", "?"]),
        "family": st.sampled_from(["ec", "rsa", "Ed25519", "X25519", "?"]),
        "curve": st.sampled_from(["P-256", "P-521", "", "?"]),
        "hash": st.sampled_from(["SHA-1", "SHA-512", "?"]),
        "length": st.integers(-5, 300),
        "tag": st.integers(-5, 300),
        "salt": st.integers(-5, 300),
        "iterations": st.integers(-5, 20),
        "private": st.booleans(),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    operation=st.sampled_from(["import", "export", "sign", "verify", "encrypt", "decrypt", "agree", "pbkdf2", "wrap", "unwrap"]),
    parameters=PARAMETERS,
    blobs=st.lists(st.binary(max_size=40) | st.sampled_from([bytes(16), bytes(32)]), max_size=5),
)
def test_whatever_is_asked_there_is_an_answer(operation: str, parameters: Mapping[str, Any], blobs: list[bytes]) -> None:
    reply, spent = _answer(7, _OPERATIONS[operation], parameters, blobs)
    assert reply[:4] == struct.pack("<I", len(reply) - 12)
    assert spent >= 0


def test_rsa_keys_whose_parts_do_not_belong_together_are_refused() -> None:
    blobs = [bytes([255]) * 128, b"\x01\x00\x01", *([bytes([254]) * 64] * 6)]
    with pytest.raises(CryptoFailed, match="do not belong together"):
        keys.imported({"format": "jwk", "family": "rsa", "curve": "", "private": True}, blobs)


def test_longer_than_a_key_can_be_is_refused() -> None:
    with pytest.raises(CryptoFailed, match="longer than"):
        keys.imported({"format": "pkcs8", "family": "rsa", "curve": "", "private": True}, [bytes(20_000)])


def test_a_signature_without_its_leading_zero_is_none() -> None:
    parameters = {"name": "RSA-PSS", "curve": "", "hash": "SHA-256", "salt": 20}
    private = rsa.generate_private_key(65_537, 1024)
    public = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    padded = padding.PSS(padding.MGF1(hashes.SHA256()), 20)
    # One in 256 begins so.
    signature = next(made for _ in range(20_000) if (made := private.sign(b"data", padded, hashes.SHA256()))[0] == 0)
    assert operations.verified(parameters, [public, b"data", signature])
    assert not operations.verified(parameters, [public, b"data", signature[1:]])
    assert not operations.verified(parameters, [public, b"data", b"\0" + signature])
