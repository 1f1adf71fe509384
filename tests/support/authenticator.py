"""An authenticator in software: makes passkeys and signs with them as WebAuthn says (ES256)."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ELIGIBLE, ATTESTED = 0x01, 0x04, 0x08, 0x40


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """One passkey, or none yet. Its fields are what a hostile one may do otherwise."""

    origin: str = "http://localhost"
    rp_id: str = "localhost"
    verifies: bool = True
    counts: bool = True
    cross_origin: bool = False
    sign_count: int = 0
    synced: bool = False
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    account: bytes = b""

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.create(options)` gives, by `toJSON()`."""
        handle = options["user"]["id"]
        self.account = base64.urlsafe_b64decode(handle + "=" * (-len(handle) % 4))
        point = self.key.public_key().public_numbers()
        key = {
            1: 2,  # an elliptic curve's
            3: -7,  # ES256
            -1: 1,  # P-256
            -2: point.x.to_bytes(32, "big"),
            -3: point.y.to_bytes(32, "big"),
        }
        attested = (
            bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cbor2.dumps(key)
        )
        data = self._data(ATTESTED) + attested
        statement = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._credential(
            clientDataJSON=self._client_data("webauthn.create", options["challenge"]),
            attestationObject=cbor2.dumps(statement),
            transports=["internal", "hybrid"],
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """What `navigator.credentials.get(options)` gives, by `toJSON()`."""
        client_data = self._client_data("webauthn.get", options["challenge"])
        if self.counts:
            self.sign_count += 1
        data = self._data()
        signed = data + hashlib.sha256(client_data).digest()
        return self._credential(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=self.key.sign(signed, ec.ECDSA(SHA256())),
            userHandle=self.account,
        )

    def own(self, account: str) -> None:
        """Say that the passkey is this account's, whoever has registered it."""
        self.account = UUID(account).bytes

    def _data(self, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0) | (ELIGIBLE if self.synced else 0)
        rp = hashlib.sha256(self.rp_id.encode()).digest()
        return rp + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _client_data(self, type_: str, challenge: str) -> bytes:
        data = {
            "type": type_,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        }
        return json.dumps(data).encode()

    def _credential(self, **response: Any) -> dict[str, Any]:
        return {
            "id": base64url(self.credential),
            "rawId": base64url(self.credential),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                name: base64url(value) if isinstance(value, bytes) else value
                for name, value in response.items()
            },
        }
