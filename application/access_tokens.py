"""Access tokens: what one says, and whether it may be believed.

A token is believed for its signature, by a key that vouches, and for the moment that it is shown
at. That its session still counts is asked elsewhere: a signature cannot be taken back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from application.current import CurrentStates
from domain.signing_keys import (
    ACCESS_TOKEN_LIFETIME,
    INSTALLATION,
    SIGNING_KEYS,
    SigningKey,
)

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

    def read(self, token: str, keys: Sequence[SigningKey]) -> AccessClaims | None:
        """What a token says; None unless it has the one form, and one of these keys vouches.

        Whether its times and names are right, the caller finds out.
        """
        ...


@dataclass(frozen=True)
class AccessTokenCheck:
    """Tells what a token says that may be believed now."""

    current: CurrentStates
    tokens: AccessTokens
    issuer: str
    now: Callable[[], datetime]

    async def __call__(self, token: str) -> AccessClaims | None:
        """The claims; None for whatever is wrong with it.

        Raises:
            Outage: when the signing keys are not kept here and the log does not answer.
        """
        at = self.now()
        keys = await self.current.get(SIGNING_KEYS, INSTALLATION)
        claims = self.tokens.read(token, keys.vouching(at))
        if claims is None or claims.iss != self.issuer or claims.aud != self.issuer:
            return None
        return claims if self._counts(claims, at.timestamp()) else None

    @staticmethod
    def _counts(claims: AccessClaims, at: float) -> bool:
        """Whether a token is good at a moment, and was not made to be good for longer than ours."""
        begun = max(claims.nbf, claims.iat) <= at + SKEW
        ours = claims.exp - claims.iat <= ACCESS_TOKEN_LIFETIME.total_seconds()
        return begun and ours and at < claims.exp + SKEW
