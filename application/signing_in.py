"""Signing in: the one way to begin a session."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import msgspec

from application.bus import Run
from application.credentials import WrongCredentials
from application.one_time_tokens import NewToken
from application.session_store import LiveSession, SessionStore
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, Account
from domain.recorded import DEFAULT_TENANT
from domain.sessions import SESSION, EndSession, StartSession

R = TypeVar("R")

PASSWORD = "pwd"  # noqa: S105 - an `amr` value of RFC 8176


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The session that somebody who has proved who they are is to have.

    `password_hash` is the one that was checked: a password that changes meanwhile opens nothing.
    None where the password was not asked (a passkey). `replaces` names the session that ends in
    the same append; the new one keeps its `expires_at`, and its `authenticated_at` where nobody
    has proved anything anew.
    """

    account: str
    password_hash: str | None
    methods: tuple[str, ...]
    address: str
    device: str | None
    tenant: str = DEFAULT_TENANT
    replaces: str = ""
    expires_at: datetime | None = None
    authenticated_at: datetime | None = None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The session; its token is told only here."""

    id: str
    account: str
    token: str
    expires_at: datetime


Also = Callable[[Unit, Account], Awaitable[None]]
"""Decides more in the append that starts a session."""

Give = Callable[[Unit, SignedIn], Awaitable[R]]
"""Decides more in that append, and makes of the session what its opener gets."""


@dataclass(frozen=True)
class SessionOpener:
    """The one way in which anybody comes to be signed in."""

    sessions: SessionStore
    new_token: Callable[[], NewToken]
    lifetime: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, run: Run, opening: Opening, also: Also | None = None
    ) -> Done[SignedIn]:
        """Record the session, with what `also` decides, and make it live.

        Raises:
            WrongCredentials: the account is not open any more, or its password has changed.
        """
        return await self.giving(_itself, run, opening, also)

    async def giving(
        self, give: Give[R], run: Run, opening: Opening, also: Also | None = None
    ) -> Done[R]:
        """As a call, for who wants something else than the session."""
        token, session = self.new_token(), str(self.new_id())
        start = self._start(opening, token)

        async def decide(unit: Unit) -> R:
            account = await unit.guard(ACCOUNT, opening.account)
            if not isinstance(account, Account):
                raise WrongCredentials
            if opening.password_hash not in (None, account.password_hash):
                raise WrongCredentials
            if also is not None:
                await also(unit, account)
            if opening.replaces:
                end = EndSession(session=opening.replaces, reason="replaced", at=start.at)
                await unit.decide(SESSION, opening.replaces, end)
            after = await unit.load(ACCOUNT, opening.account)
            assert isinstance(after, Account)  # noqa: S101 - nothing here closes it
            begun = msgspec.structs.replace(start, revocations=after.revocations)
            unit.begin(SESSION, session, begun)
            signed_in = SignedIn(
                id=session,
                account=opening.account,
                token=token.text,
                expires_at=start.expires_at,
            )
            return await give(unit, signed_in)

        done = await run(decide)
        await self.sessions.put(_live(session, start, done.position.number))
        if opening.replaces:
            await self.sessions.end(opening.replaces)
        return done

    def _start(self, opening: Opening, token: NewToken) -> StartSession:
        """The command; how often sessions were revoked before is known when it is decided."""
        at = self.now()
        return StartSession(
            account=opening.account,
            token_hash=token.hash,
            authenticated_at=opening.authenticated_at or at,
            expires_at=opening.expires_at or at + self.lifetime,
            tenant=opening.tenant,
            methods=opening.methods,
            replaces=opening.replaces,
            address=opening.address,
            device=opening.device,
            revocations=0,
            at=at,
        )


def _live(session: str, start: StartSession, position: int) -> LiveSession:
    return LiveSession(
        id=session,
        token_hash=start.token_hash,
        account=start.account,
        tenant=start.tenant,
        created_at=start.at,
        authenticated_at=start.authenticated_at,
        expires_at=start.expires_at,
        position=position,
    )


async def _itself(_unit: Unit, signed_in: SignedIn) -> SignedIn:
    return signed_in
