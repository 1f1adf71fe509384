"""Tokens: exchange a sign-in or a session for them, renew them, give them back.

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
from application.credentials import CredentialCheck, Credentials
from application.mail import Letters
from application.second_factors import CheckSecondFactor, GivenFactor
from application.second_factors_sign_in import completing
from application.session_store import SessionStore
from application.signing_in import PASSWORD, Opening, SessionOpener, SignedIn
from application.token_making import (
    GivenRefreshToken,
    Holder,
    RefreshTokenForm,
    TokenMaker,
    Tokens,
)
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account
from domain.sessions import SESSION, EndSession
from domain.tenants import NotYourTenant
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


class ExchangeSession(msgspec.Struct, frozen=True, kw_only=True):
    """Give tokens for a session that counts."""

    holder: Holder


@dataclass(frozen=True)
class ExchangeSessionHandler:
    """Carries out `ExchangeSession`."""

    make: TokenMaker

    async def __call__(self, command: ExchangeSession, run: Run) -> Done[Tokens]:
        """Begin a family of the session."""
        key = await self.make.ring.signing(run)

        async def decide(unit: Unit) -> Tokens:
            return await self.make.begin(unit, command.holder, key, own=False)

        return await run(decide)


class SignInForTokens(msgspec.Struct, frozen=True, kw_only=True):
    """Sign in from a client `address` with a `device`, to work with tokens in `tenant`.

    `given` is the second factor, for an account that has one.
    """

    email: str
    password: str
    given: GivenFactor
    address: str
    device: str | None
    tenant: str


@dataclass(frozen=True)
class SignInForTokensHandler:
    """Carries out `SignInForTokens`: a session that nobody has the token of, and its family."""

    make: TokenMaker
    check: CredentialCheck
    second_factor: CheckSecondFactor
    open: SessionOpener

    async def __call__(self, command: SignInForTokens, run: Run) -> Done[Tokens]:
        """Check the credentials, start the session, and begin its family, in one append.

        Raises:
            LockedOut: too many sign-ins of this account or from this address have failed.
            SecondFactorRequired: the password was right, and is not enough.
            WrongSecondFactor: the second factor is wrong.
            NotYourTenant: they are all right, but the person is nobody in that tenant.
            WrongCredentials: in every other case, after the same time.
        """
        given = Credentials(email=command.email, password=command.password, address=command.address)
        checked = await self.check(given, run)
        opening = Opening(
            account=checked.id,
            password_hash=checked.account.password_hash,
            methods=(PASSWORD, *command.given.methods),
            address=command.address,
            device=command.device,
            tenant=command.tenant,
        )
        key = await self.make.ring.signing(run)

        async def give(unit: Unit, signed_in: SignedIn) -> Tokens:
            if not await self.make.reaches(checked.id, command.tenant):
                raise NotYourTenant
            holder = Holder(
                session=signed_in.id,
                account=signed_in.account,
                tenant=command.tenant,
                authenticated_at=self.make.now(),
                expires_at=signed_in.expires_at,
            )
            return await self.make.begin(unit, holder, key, own=True)

        use = self.second_factor.using(checked.id, command.given)
        try:
            async with completing(self.check, checked, run):
                return await self.open.giving(give, run, opening, use)
        except NotYourTenant:
            await self.check.passed(checked)
            raise


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
        given = self.make.refresh.read(command.refresh_token)
        if given is None:
            raise WrongToken
        key = await self.make.ring.signing(run)
        following = self.make.refresh.new(given.family)

        async def decide(unit: Unit) -> Tokens:
            use = RefreshTokens(
                refresh_hash=given.hash, next_hash=following.hash, at=self.make.now()
            )
            family = await unit.decide(TOKEN_FAMILY, given.family, use)
            holder = await self._holder(family)
            return await self.make.tokens(holder, key, following)

        try:
            return await run(decide, lanes=[(TOKEN_FAMILY, given.family)])
        except TokenReused:
            await self._reused(given, run)
            raise WrongToken from None

    async def _holder(self, family: object) -> Holder:
        assert isinstance(family, Family)  # noqa: S101 - or the decider has refused
        session = await self.sessions.find_by_id(family.session)
        if session is None or not await self.make.reaches(family.account, family.tenant):
            raise WrongToken
        return Holder(
            session=session.id,
            account=session.account,
            tenant=family.tenant,
            authenticated_at=session.authenticated_at,
            expires_at=session.expires_at,
        )

    async def _reused(self, given: GivenRefreshToken, run: Run) -> None:
        """End the family and its session, and tell the person."""
        at = self.make.now()

        async def decide(unit: Unit) -> str:
            family = await unit.load(TOKEN_FAMILY, given.family)
            report = ReportReuse(refresh_hash=given.hash, at=at)
            after = await unit.decide(TOKEN_FAMILY, given.family, report)
            if not isinstance(family, Family) or not isinstance(after, EndedFamily):
                return ""
            end = EndSession(session=family.session, reason="tokens_reused", at=at)
            await unit.decide(SESSION, family.session, end)
            owner = await unit.load(ACCOUNT, family.account)
            if isinstance(owner, Account):
                self.letters.post(unit, kind="tokens-reused", person=family.account, to=owner.email)
            return family.session

        done = await run.aside(decide, lanes=[(TOKEN_FAMILY, given.family)])
        if done.result:
            await self.sessions.end(done.result)


class RevokeRefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """Give a refresh token back: its family counts no more."""

    refresh_token: str


@dataclass(frozen=True)
class RevokeRefreshTokenHandler:
    """Carries out `RevokeRefreshToken`; who gives back what is no token hears nothing of it."""

    refresh: RefreshTokenForm
    sessions: SessionStore
    now: Callable[[], datetime]

    async def __call__(self, command: RevokeRefreshToken, run: Run) -> Done[None]:
        """End the family, and the session where it was begun for the family alone."""
        given = self.refresh.read(command.refresh_token)
        ended = ""

        async def decide(unit: Unit) -> None:
            nonlocal ended
            ended = "" if given is None else await self._end(unit, given)

        done = await run(decide, lanes=[] if given is None else [(TOKEN_FAMILY, given.family)])
        if ended:
            await self.sessions.end(ended)
        return done

    async def _end(self, unit: Unit, given: GivenRefreshToken) -> str:
        at = self.now()
        family = await unit.load(TOKEN_FAMILY, given.family)
        revoke = RevokeTokens(refresh_hash=given.hash, at=at)
        after = await unit.decide(TOKEN_FAMILY, given.family, revoke)
        if after is family or not isinstance(family, Family) or not family.own_session:
            return ""
        end = EndSession(session=family.session, reason="tokens_revoked", at=at)
        await unit.decide(SESSION, family.session, end)
        return family.session
