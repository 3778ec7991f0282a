"""AES in its modes, as Web Cryptography asks for them (sections 27 to 30).

Owns paddings, tags and counters. Must not know where keys come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import keywrap
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from sandbox.webcrypto.failures import wrong

_BLOCK: Final = 16
_SHORTEST_TAG: Final = 4
_WRAPPED_UNIT: Final = 8


def encrypted(parameters: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """`blobs` are key, data, iv or counter, additional data. Raises `CryptoFailed` (OperationError)."""
    mode = parameters["name"]
    key, data, start = algorithms.AES(blobs[0]), blobs[1], blobs[2]
    if mode == "AES-CBC":
        padder = PKCS7(_BLOCK * 8).padder()
        sealing = Cipher(key, modes.CBC(start)).encryptor()
        return sealing.update(padder.update(data) + padder.finalize()) + sealing.finalize()
    if mode == "AES-CTR":
        return _counted(key, data, start, int(parameters["length"]))
    try:
        gcm = Cipher(key, modes.GCM(start)).encryptor()
    except ValueError:
        raise wrong("The iv of AES-GCM has 8 to 128 bytes.") from None
    gcm.authenticate_additional_data(blobs[3])
    return gcm.update(data) + gcm.finalize() + gcm.tag[: int(parameters["tag"])]


def decrypted(parameters: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """As `encrypted`, the other way."""
    mode = parameters["name"]
    key, data, start = algorithms.AES(blobs[0]), blobs[1], blobs[2]
    if mode == "AES-CTR":
        return _counted(key, data, start, int(parameters["length"]))
    try:
        if mode == "AES-CBC":
            opening, unpadder = Cipher(key, modes.CBC(start)).decryptor(), PKCS7(_BLOCK * 8).unpadder()
            return unpadder.update(opening.update(data) + opening.finalize()) + unpadder.finalize()
        size = int(parameters["tag"])
        body, tag = data[: len(data) - size], data[len(data) - size :]
        gcm = Cipher(key, modes.GCM(start, tag, min_tag_length=_SHORTEST_TAG)).decryptor()
        gcm.authenticate_additional_data(blobs[3])
        return gcm.update(body) + gcm.finalize()
    except (ValueError, InvalidTag):
        raise wrong("The data cannot be decrypted.") from None


def _counted(key: algorithms.AES, data: bytes, counter: bytes, bits: int) -> bytes:
    """AES-CTR where only the last `bits` bits of the counter count; the same in both directions."""
    blocks = -(-len(data) // _BLOCK)
    if blocks > 1 << bits:
        raise wrong("The counter would repeat.")
    start = int.from_bytes(counter)
    low = start & ((1 << bits) - 1)
    until_wrap = ((1 << bits) - low) * _BLOCK
    first = _stream(key, data[:until_wrap], counter)
    if len(data) <= until_wrap:
        return first
    return first + _stream(key, data[until_wrap:], (start - low).to_bytes(_BLOCK))


def _stream(key: algorithms.AES, data: bytes, counter: bytes) -> bytes:
    sealing = Cipher(key, modes.CTR(counter)).encryptor()
    return sealing.update(data) + sealing.finalize()


def wrapped(_: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """AES-KW (RFC 3394) of a key; `blobs` are wrapping key and key. Raises `CryptoFailed` (OperationError)."""
    if len(blobs[1]) % _WRAPPED_UNIT or len(blobs[1]) < 2 * _WRAPPED_UNIT:
        raise wrong("AES-KW takes a multiple of 8 bytes, 16 at least.")
    return keywrap.aes_key_wrap(blobs[0], blobs[1])


def unwrapped(_: Mapping[str, Any], blobs: list[bytes]) -> bytes:
    """As `wrapped`, the other way."""
    try:
        return keywrap.aes_key_unwrap(blobs[0], blobs[1])
    except (keywrap.InvalidUnwrap, ValueError):
        raise wrong("The key cannot be unwrapped.") from None
