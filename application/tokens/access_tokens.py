"""Access tokens: what one says, and whether it may be believed.

A token is believed for its signature, by a key that vouches, and for the moment that it is shown
at. That its session still counts is asked elsewhere: a signature cannot be taken back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from application.tokens.signing_keys import VouchingKeys
from domain.signing_keys import ACCESS_TOKEN_LIFETIME, SigningKey

SKEW = 30.0
"""Seconds that two clocks may differ."""


class AccessClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What an access token says (RFC 9068, 2.2); times are seconds since 1970.

    `sub` is the account, `sid` the session, `roles` what the account was in `tenant` when the
    token was made.
    """

    iss: str
    aud: str
    client_id: str
    sub: str
    sid: str
    jti: str
    iat: int
    nbf: int
    exp: int
    auth_time: int
    tenant: str
    roles: tuple[str, ...]


class AccessTokens(Protocol):
    """Signed texts that carry claims."""

    def sign(self, claims: AccessClaims, key: SigningKey) -> str:
        """The token that says this, signed by this key."""
        ...

    def key_of(self, token: str) -> str | None:
        """The id of the key that a token names; None unless it has the one form."""
        ...

    def read(self, token: str, key: SigningKey) -> AccessClaims | None:
        """What a token of the one form says; None unless this key has signed it.

        Whether its times and names are right, the caller finds out.
        """
        ...


@dataclass(frozen=True)
class AccessTokenCheck:
    """Tells what a token says that may be believed now."""

    keys: VouchingKeys
    tokens: AccessTokens
    issuer: str
    now: Callable[[], datetime]

    async def __call__(self, token: str) -> AccessClaims | None:
        """The claims; None for whatever is wrong with it.

        Raises:
            Outage: when the signing key is not kept here and the log does not answer.
        """
        at = self.now()
        named = self.tokens.key_of(token)
        key = None if named is None else await self.keys.find(named, at)
        claims = None if key is None else self.tokens.read(token, key)
        if claims is None or claims.iss != self.issuer or claims.aud != self.issuer:
            return None
        return claims if self._counts(claims, at.timestamp()) else None

    @staticmethod
    def _counts(claims: AccessClaims, at: float) -> bool:
        """Whether a token is good at a moment, and was not made to be good for longer than ours."""
        begun = max(claims.nbf, claims.iat) <= at + SKEW
        ours = claims.exp - claims.iat <= ACCESS_TOKEN_LIFETIME.total_seconds()
        return begun and ours and at < claims.exp + SKEW
