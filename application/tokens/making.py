"""What somebody is given who may work with tokens: an access token, and how to get the next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from application.memberships import STRANGER, Standings
from application.one_time_tokens import NewToken, OneTimeTokens
from application.session_store import LiveSession
from application.tokens.access_tokens import AccessClaims, AccessTokens
from application.tokens.signing_keys import SigningKeyRing
from application.unit import Unit
from domain.recorded import DEFAULT_TENANT
from domain.signing_keys import ACCESS_TOKEN_LIFETIME, SigningKey
from domain.tokens import TOKEN_FAMILY, IssueTokens

REFRESH = "art"
"""What a refresh token is for, among tokens that open one thing once; a family owns it."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The session that tokens are made for."""

    session: str
    account: str
    tenant: str
    authenticated_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, session: LiveSession, tenant: str) -> "Holder":
        """A session that counts, to work in a tenant."""
        return cls(
            session=session.id,
            account=session.account,
            tenant=tenant,
            authenticated_at=session.authenticated_at,
            expires_at=session.expires_at,
        )


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a client works with; `expires_in` is in seconds. They are told only here."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - its type


@dataclass(frozen=True)
class TokenMaker:
    """Makes the texts that a holder is given."""

    ring: SigningKeyRing
    access: AccessTokens
    refresh: OneTimeTokens
    standings: Standings
    issuer: str
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def reaches(self, account: str, tenant: str) -> bool:
        """Whether a person can work in a tenant; in the default one everybody is something."""
        return tenant == DEFAULT_TENANT or await self.standings(account, tenant) is not STRANGER

    async def begin(self, unit: Unit, holder: Holder, key: SigningKey, *, own: bool) -> Tokens:
        """The first tokens of a new family."""
        family = str(self.new_id())
        first = self.refresh.new(REFRESH, family)
        issue = IssueTokens(
            session=holder.session,
            account=holder.account,
            refresh_hash=first.hash,
            expires_at=holder.expires_at,
            tenant=holder.tenant,
            own_session=own,
            at=self.now(),
        )
        unit.begin(TOKEN_FAMILY, family, issue)
        return await self.tokens(holder, key, first)

    async def tokens(self, holder: Holder, key: SigningKey, refresh: NewToken) -> Tokens:
        """An access token, beside a refresh token that was made."""
        begins = int(self.now().timestamp())
        lifetime = int(ACCESS_TOKEN_LIFETIME.total_seconds())
        ends = min(begins + lifetime, int(holder.expires_at.timestamp()))
        standing = await self.standings(holder.account, holder.tenant)
        claims = AccessClaims(
            iss=self.issuer,
            aud=self.issuer,
            client_id="annals",
            sub=holder.account,
            sid=holder.session,
            jti=str(self.new_id()),
            iat=begins,
            nbf=begins,
            exp=ends,
            auth_time=int(holder.authenticated_at.timestamp()),
            tenant=holder.tenant,
            roles=(standing.role,) if standing.role else (),
        )
        access_token = self.access.sign(claims, key)
        return Tokens(
            access_token=access_token, refresh_token=refresh.text, expires_in=ends - begins
        )
