"""Access tokens that somebody has tampered with, made without the library that reads them."""

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.signing_keys import SigningKey


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def json_bytes(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class Forger:
    """Has the key that signs, a genuine token's claims, and whatever a stranger could have."""

    def __init__(self, key: SigningKey, claims: dict[str, Any]) -> None:
        self.key = key
        self.claims = claims
        self.header = {"alg": "EdDSA", "kid": key.id, "typ": "at+jwt"}
        self.private_key = Ed25519PrivateKey.from_private_bytes(decoded(key.private_key))
        self.public_key = decoded(key.public_key)

    def signed(
        self, header: bytes, payload: bytes, private_key: Ed25519PrivateKey | None = None
    ) -> str:
        """A token whose signature is right, whatever it says."""
        text = f"{encoded(header)}.{encoded(payload)}"
        return f"{text}.{encoded((private_key or self.private_key).sign(text.encode()))}"

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """With these members instead of the genuine ones; a member that is None is left out."""
        members = {**self.header, **(header or {})}
        said = {**self.claims, **claims}
        return self.signed(
            json_bytes({name: value for name, value in members.items() if value is not None}),
            json_bytes({name: value for name, value in said.items() if value is not None}),
        )

    def table(self, at: datetime) -> dict[str, str]:
        """Forgeries by what is wrong with them; `at` is the moment at which they are shown."""
        return {**self._headers(), **self._keys(), **self._texts(), **self._claims(at)}

    def _headers(self) -> dict[str, str]:
        payload = json_bytes(self.claims)
        members = json_bytes(self.header)
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": self.key.public_key}
        raw = {
            "alg twice": members[:-1] + b',"alg":"EdDSA"}',
            "alg twice, none first": b'{"alg":"none",' + members[1:],
            "kid twice": members[:-1] + b',"kid":' + json_bytes(self.key.id) + b"}",
            "header that is a list": b'["EdDSA"]',
            "header that is a text": b'"EdDSA"',
            "header that is nothing": b"null",
            "header that is empty": b"{}",
            "header that is no JSON": b"{alg:EdDSA}",
            "header with text behind": members + b"{}",
            "header that is no UTF-8": b'{"alg":"EdDSA\xff"}',
            "header in UTF-16": members.decode().encode("utf-16"),
            "header nested deeply": b'{"a":' * 300 + b"1" + b"}" * 300,
        }
        changed: dict[str, dict[str, Any]] = {
            "alg none": {"alg": "none"},
            "alg None": {"alg": "None"},
            "alg nOnE": {"alg": "nOnE"},
            "alg empty": {"alg": ""},
            "alg missing": {"alg": None},
            "alg that is a list": {"alg": ["EdDSA"]},
            "alg that is a number": {"alg": 0},
            "alg in small letters": {"alg": "eddsa"},
            "alg Ed25519": {"alg": "Ed25519"},
            "alg RS256": {"alg": "RS256"},
            "alg ES256": {"alg": "ES256"},
            "jku": {"jku": "https://evil.example/jwks.json"},
            "x5u": {"x5u": "https://evil.example/cert.pem"},
            "x5c": {"x5c": ["MIIB"]},
            "x5t": {"x5t": "dGh1bWI"},
            "jwk": {"jwk": jwk},
            "crit": {"crit": ["exp"]},
            "crit that is empty": {"crit": []},
            "b64": {"b64": False, "crit": ["b64"]},
            "zip": {"zip": "DEF"},
            "cty": {"cty": "JWT"},
            "a member that nobody knows": {"x": 1},
            "typ missing": {"typ": None},
            "typ JWT": {"typ": "JWT"},
            "typ of an identity token": {"typ": "id+jwt"},
            "typ in capitals": {"typ": "AT+JWT"},
            "kid missing": {"kid": None},
            "kid empty": {"kid": ""},
            "kid unknown": {"kid": "k" * 43},
            "kid that is a path": {"kid": "../../../dev/null"},
            "kid that is SQL": {"kid": "' OR '1'='1"},
            "kid that is a number": {"kid": 7},
            "kid that is a list": {"kid": [self.key.id]},
            "kid of the key with a blank": {"kid": self.key.id + " "},
        }
        return {
            **{name: self.signed(header, payload) for name, header in raw.items()},
            **{name: self.token(members) for name, members in changed.items()},
        }

    def _keys(self) -> dict[str, str]:
        """Signed by what is not the key."""
        payload, other = json_bytes(self.claims), Ed25519PrivateKey.generate()
        members = json_bytes(self.header)
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": encoded(other.public_key().public_bytes_raw())}
        brought = json_bytes({**self.header, "jwk": jwk})
        public = Ed25519PrivateKey.from_private_bytes(decoded(self.key.private_key)).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        hmac_header = json_bytes({**self.header, "alg": "HS256"})
        text = f"{encoded(hmac_header)}.{encoded(payload)}"
        return {
            "a stranger's key": self.signed(members, payload, other),
            "a stranger's key, brought along": self.signed(brought, payload, other),
            "HS256 with the public key": self._hmac(text, self.public_key),
            "HS256 with the public key as PEM": self._hmac(text, pem),
            "HS256 with the public key as text": self._hmac(text, self.key.public_key.encode()),
            "HS256 with the empty key": self._hmac(text, b""),
            "a signature of zeros": f"{encoded(members)}.{encoded(payload)}.{encoded(bytes(64))}",
        }

    @staticmethod
    def _hmac(text: str, key: bytes) -> str:
        return f"{text}.{encoded(hmac.digest(key, text.encode(), hashlib.sha256))}"

    def _texts(self) -> dict[str, str]:
        """A genuine token, damaged."""
        genuine = self.token()
        header, payload, signature = genuine.split(".")
        raised = encoded(json_bytes({**self.claims, "roles": ["owner"]}))
        short, long = decoded(signature)[:-1], decoded(signature) + b"\0"
        twin = signature[:-1] + chr(ord(signature[-1]) + 1)  # decodes to the same bytes
        return {
            "only a header": "eyJhbGciOiJFZERTQSJ9",
            "no signature": f"{header}.{payload}.",
            "no dot behind the claims": f"{header}.{payload}",
            "none without signature": f"{encoded(json_bytes({'alg': 'none'}))}.{payload}.",
            "one part more": f"{genuine}.{signature}",
            "an empty part": f"{header}..{signature}",
            "claims of another token": f"{header}.{raised}.{signature}",
            "the signature's end is missing": f"{header}.{payload}.{encoded(short)}",
            "the signature is longer": f"{header}.{payload}.{encoded(long)}",
            "the signature is written otherwise": f"{header}.{payload}.{twin}",
            "padded": f"{header}.{payload}.{signature}==",
            "in the alphabet of base64": genuine.replace("-", "+").replace("_", "/") + "+",
            "a blank inside": f"{header}. {payload}.{signature}",
            "a line's end inside": f"{header}.{payload}\n.{signature}",
            "a truncated token": genuine[:-20],
            "too large": self.token(padding="x" * 4000),
            "all in one JSON": "eyJ" + encoded(json_bytes({"payload": payload})),
        }

    def _claims(self, at: datetime) -> dict[str, str]:
        """Signed by the key itself, as if another service of ours shared it."""
        now = int(at.timestamp())
        changed: dict[str, dict[str, Any]] = {
            "another issuer": {"iss": "https://evil.example"},
            "another audience": {"aud": "https://other.example"},
            "an audience that is a list": {"aud": [self.claims["aud"], "https://other.example"]},
            "no audience": {"aud": None},
            "no issuer": {"iss": None},
            "no expiry": {"exp": None},
            "no session": {"sid": None},
            "no account": {"sub": None},
            "expired": {"iat": now - 900, "nbf": now - 900, "exp": now - 600},
            "expired and of text": {"exp": str(now + 300)},
            "expiring in a fraction": {"exp": now + 0.5},
            "expiring never": {"exp": 10**30},
            "not yet good": {"nbf": now + 120},
            "made in the future": {"iat": now + 120},
            "of a session that never was": {"sid": "00000000-0000-4000-8000-000000000000"},
            "of another account": {"sub": "00000000-0000-4000-8000-000000000000"},
        }
        tokens = {name: self.token(**claims) for name, claims in changed.items()}
        tokens["claims that are no object"] = self.signed(json_bytes(self.header), b"[1]")
        tokens["claims that are no JSON"] = self.signed(json_bytes(self.header), b"{")
        return tokens
