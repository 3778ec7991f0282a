"""Asymmetric keys: reading every format of `importKey`, writing every format of `exportKey`, making new ones.

Owns the one form in which the guest keeps them: PKCS #8 for private keys, SubjectPublicKeyInfo for public ones, both DER. Must not
sign or decrypt.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

from sandbox.webcrypto.failures import UNSUPPORTED, CryptoFailed, unreadable, wrong

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey
Public = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | x25519.X25519PublicKey

CURVES: Final[Mapping[str, ec.EllipticCurve]] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_OWN_CURVE: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_CLASSES: Final[Mapping[str, tuple[type, type]]] = {
    "rsa": (rsa.RSAPrivateKey, rsa.RSAPublicKey),
    "ec": (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey),
    "Ed25519": (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    "X25519": (x25519.X25519PrivateKey, x25519.X25519PublicKey),
}
# Moduli in bits. Arithmetic grows with the cube of the length, making keys faster still.
SHORTEST_MODULUS, LONGEST_MODULUS, LONGEST_MADE = 1024, 8192, 4096
# Longer is no key of these.
KEY_BYTES: Final = 16_384
_OKP_BYTES: Final = 32


def read_private(data: bytes, family: str, curve: str = "") -> Any:
    """The key in PKCS #8. Raises `CryptoFailed` (DataError) for what is no such key."""
    try:
        # The proof that both factors are primes takes a second and protects nobody but the key's owner; see `_require_sound`.
        key = form.load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise unreadable("The private key cannot be read.") from None
    return _accepted(key, family, curve, 0)


def read_public(data: bytes, family: str, curve: str = "") -> Any:
    """The key in SubjectPublicKeyInfo. Raises `CryptoFailed` (DataError) for what is no such key."""
    try:
        key = form.load_der_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise unreadable("The public key cannot be read.") from None
    return _accepted(key, family, curve, 1)


def _accepted(key: Any, family: str, curve: str, side: int) -> Any:
    kind: Any = _CLASSES[family][side]
    if not isinstance(key, kind):
        raise unreadable(f"The key is not of the family {family}.")
    if family == "ec" and _OWN_CURVE.get(key.curve.name) != curve:
        raise unreadable(f"The key is not on the curve {curve}.")
    if family == "rsa" and not SHORTEST_MODULUS <= key.key_size <= LONGEST_MODULUS:
        raise unreadable(f"The modulus has {key.key_size} bits; {SHORTEST_MODULUS} to {LONGEST_MODULUS} are supported.")
    return key


def imported(parameters: Mapping[str, Any], blobs: list[bytes]) -> tuple[str, bytes]:
    """(what the key is, the key in its one form). Raises `CryptoFailed`."""
    family, curve = str(parameters["family"]), str(parameters["curve"])
    if family not in _CLASSES or (family == "ec" and curve not in CURVES):
        raise CryptoFailed(UNSUPPORTED, "The kind of key is not known.")
    if sum(map(len, blobs)) > KEY_BYTES:
        raise unreadable(f"The key is longer than {KEY_BYTES} bytes.")
    reader = {"pkcs8": _from_pkcs8, "spki": _from_spki, "raw": _from_raw, "jwk": _from_jwk}[str(parameters["format"])]
    key = reader(blobs, family, curve, private=bool(parameters["private"]))
    return description(key), written(key)


def _from_pkcs8(blobs: list[bytes], family: str, curve: str, *, private: bool) -> Any:
    del private
    key = read_private(blobs[0], family, curve)
    if family == "rsa":
        _require_sound(key.private_numbers())
    return key


def _require_sound(numbers: rsa.RSAPrivateNumbers) -> None:
    """Whether the parts of an RSA key belong together: all that can be told in a moment."""
    n, e, p, q, d = numbers.public_numbers.n, numbers.public_numbers.e, numbers.p, numbers.q, numbers.d
    sound = p > 1 and q > 1 and p * q == n and n % 2 == 1 and e % 2 == 1 and 1 < e < n and 0 < d < n
    sound = sound and d * e % (p - 1) == 1 and d * e % (q - 1) == 1 and numbers.iqmp * q % p == 1
    if not sound or (numbers.dmp1, numbers.dmq1) != (d % (p - 1), d % (q - 1)):
        raise unreadable("The parts of the RSA key do not belong together.")


def _from_spki(blobs: list[bytes], family: str, curve: str, *, private: bool) -> Any:
    del private
    return read_public(blobs[0], family, curve)


def _from_raw(blobs: list[bytes], family: str, curve: str, *, private: bool) -> Any:
    del private
    try:
        if family == "ec":
            return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve], blobs[0])
        return (ed25519.Ed25519PublicKey if family == "Ed25519" else x25519.X25519PublicKey).from_public_bytes(blobs[0])
    except (ValueError, UnsupportedAlgorithm):
        raise unreadable("The public key cannot be read.") from None


def _from_jwk(blobs: list[bytes], family: str, curve: str, *, private: bool) -> Any:
    """`blobs` are the members in the order of the guest's question."""
    try:
        if family == "rsa":
            return _rsa_from_jwk(blobs, private=private)
        if family == "ec":
            return _ec_from_jwk(blobs, curve, private=private)
        return _okp_from_jwk(blobs, family, private=private)
    except (ValueError, UnsupportedAlgorithm):
        raise unreadable("The JSON Web Key holds no valid key.") from None


def _rsa_from_jwk(blobs: list[bytes], *, private: bool) -> Any:
    numbers = [int.from_bytes(blob) for blob in blobs]
    public = rsa.RSAPublicNumbers(numbers[1], numbers[0])
    if not SHORTEST_MODULUS <= numbers[0].bit_length() <= LONGEST_MODULUS:
        raise unreadable(f"The modulus has {numbers[0].bit_length()} bits; {SHORTEST_MODULUS} to {LONGEST_MODULUS} are supported.")
    if not private:
        return public.public_key()
    _, _, d, p, q, dp, dq, qi = numbers
    whole = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public)
    _require_sound(whole)
    return whole.private_key(unsafe_skip_rsa_key_validation=True)


def _ec_from_jwk(blobs: list[bytes], curve: str, *, private: bool) -> Any:
    size = (CURVES[curve].key_size + 7) // 8
    if any(len(blob) != size for blob in blobs):
        raise unreadable("A coordinate is not as long as the curve's.")
    public = ec.EllipticCurvePublicNumbers(int.from_bytes(blobs[0]), int.from_bytes(blobs[1]), CURVES[curve])
    if not private:
        return public.public_key()
    return ec.EllipticCurvePrivateNumbers(int.from_bytes(blobs[2]), public).private_key()


def _okp_from_jwk(blobs: list[bytes], family: str, *, private: bool) -> Any:
    if any(len(blob) != _OKP_BYTES for blob in blobs):
        raise unreadable("A member does not have 32 bytes.")
    if family == "Ed25519":
        secret: Any = ed25519.Ed25519PrivateKey if private else ed25519.Ed25519PublicKey
    else:
        secret = x25519.X25519PrivateKey if private else x25519.X25519PublicKey
    if not private:
        return secret.from_public_bytes(blobs[0])
    key = secret.from_private_bytes(blobs[1])
    if key.public_key().public_bytes_raw() != blobs[0]:
        raise unreadable("The public key is not the private key's.")
    return key


def description(key: Any) -> str:
    """For RSA, "modulus bits, exponent in base64url"; else nothing."""
    if not isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return ""
    public = key.public_numbers() if isinstance(key, rsa.RSAPublicKey) else key.private_numbers().public_numbers
    return f"{key.key_size} {base64url(_integer(public.e))}"


def written(key: Any) -> bytes:
    """The key in its one form."""
    if isinstance(key, Public):
        return key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    data: bytes = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    return data


def exported(parameters: Mapping[str, Any], blobs: list[bytes]) -> tuple[str, bytes]:
    """(lines `member value` of a JSON Web Key, the raw key): one of the two, as `format` says. Raises `CryptoFailed`."""
    family, curve, private = str(parameters["family"]), str(parameters["curve"]), bool(parameters["private"])
    key = read_private(blobs[0], family, curve) if private else read_public(blobs[0], family, curve)
    if parameters["format"] == "raw":
        if family == "ec":
            return "", key.public_bytes(form.Encoding.X962, form.PublicFormat.UncompressedPoint)
        return "", key.public_bytes_raw()
    members = _rsa_members(key) if family == "rsa" else _ec_members(key) if family == "ec" else _okp_members(key)
    return "\n".join(f"{name} {base64url(value)}" for name, value in members), b""


def _rsa_members(key: Any) -> list[tuple[str, bytes]]:
    private = key.private_numbers() if isinstance(key, rsa.RSAPrivateKey) else None
    public = private.public_numbers if private is not None else key.public_numbers()
    members = {"n": public.n, "e": public.e}
    if private is not None:
        members |= {"d": private.d, "p": private.p, "q": private.q, "dp": private.dmp1, "dq": private.dmq1, "qi": private.iqmp}
    return [(name, _integer(value)) for name, value in members.items()]


def _ec_members(key: Any) -> list[tuple[str, bytes]]:
    private = key.private_numbers() if isinstance(key, ec.EllipticCurvePrivateKey) else None
    public = private.public_numbers if private is not None else key.public_numbers()
    size = (key.curve.key_size + 7) // 8
    members = [("x", public.x.to_bytes(size)), ("y", public.y.to_bytes(size))]
    return members if private is None else [*members, ("d", private.private_value.to_bytes(size))]


def _okp_members(key: Any) -> list[tuple[str, bytes]]:
    if isinstance(key, ed25519.Ed25519PublicKey | x25519.X25519PublicKey):
        return [("x", key.public_bytes_raw())]
    return [("x", key.public_key().public_bytes_raw()), ("d", key.private_bytes_raw())]


def generated(parameters: Mapping[str, Any], _: list[bytes]) -> tuple[str, bytes]:
    """(what the key is, u32 length of the private key, the private key, the public key). Raises `CryptoFailed`."""
    family = str(parameters["family"])
    key: Private
    if family == "rsa":
        bits, exponent = int(parameters["bits"]), 3 if parameters["exponent"] == "Aw" else 65537
        if not SHORTEST_MODULUS <= bits <= LONGEST_MADE or bits % 8:
            raise wrong(f"A modulus of {bits} bits is not made here; {SHORTEST_MODULUS} to {LONGEST_MADE} are, in whole bytes.")
        key = rsa.generate_private_key(exponent, bits)
    elif family == "ec":
        key = ec.generate_private_key(CURVES[str(parameters["curve"])])
    else:
        key = ed25519.Ed25519PrivateKey.generate() if family == "Ed25519" else x25519.X25519PrivateKey.generate()
    private = written(key)
    return description(key), len(private).to_bytes(4, "little") + private + written(key.public_key())


def _integer(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8))


def base64url(data: bytes) -> str:
    """RFC 4648, section 5, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
