"""A security key in software: makes credentials and answers challenges, as a browser would post them."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

FLAG = AuthenticatorData.FLAG


@dataclass
class Key:
    """One credential, of whatever site it is made for."""

    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: bytes = b""
    counter: int = 0

    def make(self, options: dict[str, Any], *, origin: str) -> dict[str, Any]:
        """The answer to `navigator.credentials.create()`."""
        public = options["publicKey"]
        self.user_handle = _decoded(public["user"]["id"])
        data = AttestedCredentialData.create(b"\0" * 16, self.credential_id, ES256.from_cryptography_key(self.private.public_key()))
        flags = FLAG.UP | FLAG.UV | FLAG.AT
        auth_data = AuthenticatorData.create(_hash(public["rp"]["id"]), flags, self.counter, data)
        client = CollectedClientData.create(CollectedClientData.TYPE.CREATE, public["challenge"], origin)
        return {
            **self._credential(),
            "response": {
                "clientDataJSON": websafe_encode(client),
                "attestationObject": websafe_encode(AttestationObject.create("none", auth_data, {})),
            },
            "clientExtensionResults": {"credProps": {"rk": True}},
        }

    def answer(self, options: dict[str, Any], *, origin: str, rp_id: str = "localhost") -> dict[str, Any]:
        """The answer to `navigator.credentials.get()`."""
        self.counter += 1
        auth_data = AuthenticatorData.create(_hash(rp_id), FLAG.UP | FLAG.UV, self.counter)
        client = CollectedClientData.create(CollectedClientData.TYPE.GET, options["publicKey"]["challenge"], origin)
        signature = self.private.sign(auth_data + client.hash, ec.ECDSA(SHA256()))
        return {
            **self._credential(),
            "response": {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(auth_data),
                "signature": websafe_encode(signature),
                "userHandle": websafe_encode(self.user_handle),
            },
            "clientExtensionResults": {},
        }

    def _credential(self) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "authenticatorAttachment": "platform"}


def _hash(rp_id: str) -> bytes:
    return hashlib.sha256(rp_id.encode()).digest()


def _decoded(text: str) -> bytes:
    from fido2.utils import websafe_decode

    return websafe_decode(text)
