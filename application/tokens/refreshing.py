"""Refresh tokens: used up for the next one, and given back.

Whatever is wrong with a refresh token has one answer. A token that comes back after its use ends
its family and the session behind it, which takes the access tokens along: they are checked against
their session. A client that has lost an answer asks again with the same `Idempotency-Key`, and is
given that answer; without one, it has no way but to sign in again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.mail import Letters
from application.one_time_tokens import GivenToken, OneTimeTokens
from application.session_store import SessionStore
from application.tokens.making import REFRESH, Holder, TokenMaker, Tokens
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account
from domain.sessions import SESSION, EndSession
from domain.tokens import (
    TOKEN_FAMILY,
    EndedFamily,
    Family,
    RefreshTokens,
    ReportReuse,
    RevokeTokens,
    TokenReused,
    WrongToken,
)


class UseRefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """Give new tokens for a refresh token, which is used up."""

    refresh_token: str


@dataclass(frozen=True)
class UseRefreshTokenHandler:
    """Carries out `UseRefreshToken`."""

    make: TokenMaker
    sessions: SessionStore
    letters: Letters

    async def __call__(self, command: UseRefreshToken, run: Run) -> Done[Tokens]:
        """Use the token up, if it is good and its session counts.

        Raises:
            WrongToken: whatever is wrong with it; if it was used before, its family has ended.
            Outage: nobody can tell now whether the session counts.
        """
        given = self.make.refresh.read(REFRESH, command.refresh_token)
        if given is None:
            raise WrongToken
        key = await self.make.ring.signing(run)
        following = self.make.refresh.new(REFRESH, given.owner)

        async def decide(unit: Unit) -> Tokens:
            use = RefreshTokens(
                refresh_hash=given.hash, next_hash=following.hash, at=self.make.now()
            )
            family = await unit.decide(TOKEN_FAMILY, given.owner, use)
            holder = await self._holder(family)
            return await self.make.tokens(holder, key, following)

        try:
            return await run(decide, lanes=[(TOKEN_FAMILY, given.owner)])
        except TokenReused:
            await self._reused(given, run)
            raise WrongToken from None

    async def _holder(self, family: object) -> Holder:
        assert isinstance(family, Family)  # noqa: S101 - or the decider has refused
        session = await self.sessions.find_by_id(family.session)
        if session is None or not await self.make.reaches(family.account, family.tenant):
            raise WrongToken
        return Holder.of(session, family.tenant)

    async def _reused(self, given: GivenToken, run: Run) -> None:
        """End the family and its session, and tell the person."""
        at = self.make.now()

        async def decide(unit: Unit) -> str:
            family = await unit.load(TOKEN_FAMILY, given.owner)
            report = ReportReuse(refresh_hash=given.hash, at=at)
            after = await unit.decide(TOKEN_FAMILY, given.owner, report)
            if not isinstance(family, Family) or not isinstance(after, EndedFamily):
                return ""
            end = EndSession(session=family.session, reason="tokens_reused", at=at)
            await unit.decide(SESSION, family.session, end)
            owner = await unit.load(ACCOUNT, family.account)
            if isinstance(owner, Account):
                self.letters.post(unit, kind="tokens-reused", person=family.account, to=owner.email)
            return family.session

        done = await run.aside(decide, lanes=[(TOKEN_FAMILY, given.owner)])
        if done.result:
            await self.sessions.end(done.result)


class RevokeRefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """Give a refresh token back: its family counts no more."""

    refresh_token: str


@dataclass(frozen=True)
class RevokeRefreshTokenHandler:
    """Carries out `RevokeRefreshToken`; who gives back what is no token hears nothing of it."""

    refresh: OneTimeTokens
    sessions: SessionStore
    now: Callable[[], datetime]

    async def __call__(self, command: RevokeRefreshToken, run: Run) -> Done[str]:
        """End the family, and the session where it was begun for the family alone: its id."""
        given = self.refresh.read(REFRESH, command.refresh_token)

        async def decide(unit: Unit) -> str:
            return "" if given is None else await self._end(unit, given)

        done = await run(decide, lanes=[] if given is None else [(TOKEN_FAMILY, given.owner)])
        if done.result:
            await self.sessions.end(done.result)
        return done

    async def _end(self, unit: Unit, given: GivenToken) -> str:
        at = self.now()
        family = await unit.load(TOKEN_FAMILY, given.owner)
        revoke = RevokeTokens(refresh_hash=given.hash, at=at)
        after = await unit.decide(TOKEN_FAMILY, given.owner, revoke)
        if after is family or not isinstance(family, Family) or not family.own_session:
            return ""
        end = EndSession(session=family.session, reason="tokens_revoked", at=at)
        await unit.decide(SESSION, family.session, end)
        return family.session
