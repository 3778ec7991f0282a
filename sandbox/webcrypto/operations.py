"""What asymmetric keys do, and PBKDF2.

Owns signatures, RSA-OAEP and agreement. Must not read formats other than the one that `keys` writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sandbox.webcrypto import aes
from sandbox.webcrypto.failures import UNSUPPORTED, CryptoFailed, wrong
from sandbox.webcrypto.keys import CURVES, read_private, read_public

# As Workers.
MOST_ITERATIONS: Final = 100_000
DERIVED_BYTES: Final = 65_536

_POINT_BYTES: Final = 32
_FIELD: Final = (1 << 255) - 19
# The y coordinates of the points whose order divides eight, in every encoding (RFC 8032's curve); the last two are of order eight.
_SMALL_ORDER: Final = frozenset(
    {
        0, 1, _FIELD - 1, _FIELD, _FIELD + 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        _FIELD - 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)  # fmt: skip

_HASHES: Final[Mapping[str, type[hashes.HashAlgorithm]]] = {
    "SHA-1": hashes.SHA1,
    "SHA-256": hashes.SHA256,
    "SHA-384": hashes.SHA384,
    "SHA-512": hashes.SHA512,
}
_FAMILY: Final = {"ECDSA": "ec", "ECDH": "ec", "Ed25519": "Ed25519", "X25519": "X25519"}


def _hash(parameters: Mapping[str, Any]) -> hashes.HashAlgorithm:
    return _HASHES[str(parameters["hash"])]()


def _padding(parameters: Mapping[str, Any]) -> padding.AsymmetricPadding:
    if parameters["name"] == "RSA-PSS":
        return padding.PSS(padding.MGF1(_hash(parameters)), int(parameters["salt"]))
    return padding.PKCS1v15()


def signed(parameters: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """`blobs` are the private key and the data. Raises `CryptoFailed`."""
    name, curve = str(parameters["name"]), str(parameters["curve"])
    key = read_private(blobs[0], _FAMILY.get(name, "rsa"), curve)
    try:
        if name == "Ed25519":
            return bytes(key.sign(blobs[1]))
        if name == "ECDSA":
            size = (CURVES[curve].key_size + 7) // 8
            r, s = decode_dss_signature(key.sign(blobs[1], ec.ECDSA(_hash(parameters))))
            return r.to_bytes(size) + s.to_bytes(size)
        return bytes(key.sign(blobs[1], _padding(parameters), _hash(parameters)))
    except ValueError:
        raise wrong("The data cannot be signed with this key.") from None


def verified(parameters: Mapping[str, Any], blobs: list[bytes]) -> bool:
    """`blobs` are the public key, the data and the signature. Raises `CryptoFailed`."""
    name, curve = str(parameters["name"]), str(parameters["curve"])
    key = read_public(blobs[0], _FAMILY.get(name, "rsa"), curve)
    _, data, signature = blobs
    try:
        if name == "Ed25519":
            if any(_is_small_order(point) for point in (key.public_bytes_raw(), signature[:_POINT_BYTES])):
                return False
            key.verify(signature, data)
        elif name == "ECDSA":
            size = (CURVES[curve].key_size + 7) // 8
            if len(signature) != 2 * size:
                return False
            pair = encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
            key.verify(pair, data, ec.ECDSA(_hash(parameters)))
        else:
            if len(signature) != (key.key_size + 7) // 8:
                # RFC 8017, 8.1.2 and 8.2.2, step 1. OpenSSL takes one whose leading zeros are missing.
                return False
            key.verify(signature, data, _padding(parameters), _hash(parameters))
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_small_order(point: bytes) -> bool:
    """Whether an encoded point of Ed25519 is one of the eight whose multiples are few: what they sign proves nothing."""
    return int.from_bytes(point, "little") & ((1 << 255) - 1) in _SMALL_ORDER


def _oaep(parameters: Mapping[str, Any], label: bytes) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(_hash(parameters)), _hash(parameters), label)


def encrypted(parameters: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """RSA-OAEP (`blobs` are key, data, label) or AES. Raises `CryptoFailed`."""
    if parameters["name"] != "RSA-OAEP":
        return aes.encrypted(parameters, blobs)
    try:
        return bytes(read_public(blobs[0], "rsa").encrypt(blobs[1], _oaep(parameters, blobs[2])))
    except ValueError:
        raise wrong("The data is too long for the key.") from None


def decrypted(parameters: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """As `encrypted`, the other way."""
    if parameters["name"] != "RSA-OAEP":
        return aes.decrypted(parameters, blobs)
    try:
        return bytes(read_private(blobs[0], "rsa").decrypt(blobs[1], _oaep(parameters, blobs[2])))
    except ValueError:
        raise wrong("The data cannot be decrypted.") from None


def agreed(parameters: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """The shared secret of a private and a public key. Raises `CryptoFailed`."""
    family, curve = _FAMILY[str(parameters["name"])], str(parameters["curve"])
    private, public = read_private(blobs[0], family, curve), read_public(blobs[1], family, curve)
    try:
        return bytes(private.exchange(ec.ECDH(), public) if family == "ec" else private.exchange(public))
    except ValueError:
        raise wrong("The two keys give no secret.") from None


def stretched(parameters: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """PBKDF2 (RFC 8018); `blobs` are password and salt. Raises `CryptoFailed`."""
    iterations, length = int(parameters["iterations"]), int(parameters["length"])
    if iterations > MOST_ITERATIONS:
        raise CryptoFailed(
            UNSUPPORTED, f"Pbkdf2 failed: iteration counts above {MOST_ITERATIONS} are not supported (requested {iterations})."
        )
    if length > DERIVED_BYTES:
        raise wrong(f"PBKDF2 gives no more than {DERIVED_BYTES} bytes here.")
    if not length:
        return b""
    name = str(parameters["hash"]).replace("-", "").lower()
    size = hashlib.new(name, usedforsecurity=False).digest_size
    # Each block of the result costs all iterations again.
    if -(-length // size) * iterations > 2 * MOST_ITERATIONS:
        raise wrong("PBKDF2 would take too long: fewer iterations or a shorter result.")
    return hashlib.pbkdf2_hmac(name, blobs[0], blobs[1], iterations, length)
