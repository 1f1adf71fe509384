"""Access tokens as JSON Web Tokens of the one form that we write (RFC 9068, RFC 8725).

A token's header has three members: `alg` (EdDSA), `kid` and `typ` (at+jwt). Any other member, one
that comes twice, and any other value is refused before a key is looked at, so nothing that a
stranger writes chooses an algorithm, a key or where to fetch one. The signature itself is PyJWT's
business. It is checked once per token and process: what was signed stays signed.
"""

import hashlib
import json
import re
from functools import lru_cache
from typing import Any, Literal

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from adapters.crypto import base64url
from application.tokens.access_tokens import AccessClaims
from application.tokens.signing_keys import KeyPair
from domain.signing_keys import SigningKey

LONGEST_JWT = 2048
"""Characters; ours have some 700."""

_ALGORITHM = "EdDSA"
_TYPE = "at+jwt"
_FORM = re.compile(r"([\w-]+)\.([\w-]+)\.[\w-]{85}[AQgw]", re.ASCII)  # unused bits are zero
_KEPT = 4096  # tokens whose signature need not be checked again

_jws = jwt.PyJWS(algorithms=[_ALGORITHM])


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    alg: Literal["EdDSA"]
    typ: Literal["at+jwt"]
    kid: str


class JwtAccessTokens:
    """`AccessTokens` as JWTs."""

    def sign(self, claims: AccessClaims, key: SigningKey) -> str:
        """See `AccessTokens.sign`."""
        private_key = Ed25519PrivateKey.from_private_bytes(base64url.decode(key.private_key))
        payload = msgspec.json.encode(claims)
        return _jws.encode(payload, private_key, _ALGORITHM, {"kid": key.id, "typ": _TYPE})

    def key_of(self, token: str) -> str | None:
        """See `AccessTokens.key_of`."""
        try:
            return _signer(token) if len(token) <= LONGEST_JWT else None
        except _Malformed:
            return None

    def read(self, token: str, key: SigningKey) -> AccessClaims | None:
        """See `AccessTokens.read`."""
        try:
            return _claims(token, key.public_key)
        except (_Malformed, jwt.InvalidTokenError):
            return None


def is_jwt(text: str) -> bool:
    """Whether a text begins as a JWT's header does: `{"` in base64url."""
    return text.startswith("eyJ")


class _Malformed(Exception):  # noqa: N818 - an answer, which is kept from no cache
    """The token does not have the form."""


@lru_cache(_KEPT)
def _signer(token: str) -> str:
    """The id of the key that a token says it was signed with."""
    form = _FORM.fullmatch(token)
    if form is None:
        raise _Malformed
    try:
        members = json.loads(base64url.decode(form[1]).decode(), object_pairs_hook=_once)
        return msgspec.convert(members, _Header).kid
    except (ValueError, RecursionError) as error:  # not base64, UTF-8, JSON, or not as it must be
        raise _Malformed from error


@lru_cache(_KEPT)
def _claims(token: str, public_key: str) -> AccessClaims:
    """What a token says, if this key has signed it."""
    key = Ed25519PublicKey.from_public_bytes(base64url.decode(public_key))
    try:
        return msgspec.json.decode(_jws.decode(token, key, [_ALGORITHM]), type=AccessClaims)
    except msgspec.DecodeError as error:
        raise _Malformed from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Malformed
    return members


def new_key_pair() -> KeyPair:
    """A pair, and the thumbprint of its public key."""
    private_key = Ed25519PrivateKey.generate()
    public_key = base64url.encode(private_key.public_key().public_bytes_raw())
    return KeyPair(
        id=thumbprint(public_key),
        public_key=public_key,
        private_key=base64url.encode(private_key.private_bytes_raw()),
    )


class JsonWebKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key, as others verify with it (RFC 7517, RFC 8037)."""

    kty: str = "OKP"
    crv: str = "Ed25519"
    use: str = "sig"
    alg: str = _ALGORITHM
    kid: str
    x: str


def json_web_key(key: SigningKey) -> JsonWebKey:
    """The public half of a signing key."""
    return JsonWebKey(kid=key.id, x=key.public_key)


def thumbprint(public_key: str) -> str:
    """The name of a public key (RFC 7638)."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": public_key}
    return base64url.encode(hashlib.sha256(msgspec.json.encode(members)).digest())
