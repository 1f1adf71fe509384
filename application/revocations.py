"""Ending sessions that one does not hold in one's hand: one of them, all others, all.

Whatever ends is recorded first, and answered only after it opens nothing any more. Where the store
could not be told, that is said (`Unconfirmed`), and the store learns of it before it vouches for
any session again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.session_store import SessionStore
from application.unit import Done, Unit
from domain.accounts import ACCOUNT, RevokeSessions
from domain.sessions import SESSION, EndSession, NoSession, NoSuchSession


class RevokeSession(msgspec.Struct, frozen=True, kw_only=True):
    """End one session of an account."""

    session: str
    account: str


class RevokeAllSessions(msgspec.Struct, frozen=True, kw_only=True):
    """End all sessions of an account, but for `kept` where it is named."""

    account: str
    kept: str = ""


@dataclass(frozen=True)
class RevokeSessionHandler:
    """Carries out `RevokeSession`."""

    sessions: SessionStore
    now: Callable[[], datetime]

    async def __call__(self, command: RevokeSession, run: Run) -> Done[None]:
        """End the session.

        Raises:
            NoSuchSession: there is none of this id, or it is another account's.
            Unconfirmed: it was recorded, and nobody could confirm that it counts already.
        """

        async def decide(unit: Unit) -> None:
            session = await unit.load(SESSION, command.session)
            if isinstance(session, NoSession) or session.account != command.account:
                raise NoSuchSession
            end = EndSession(session=command.session, reason="revoked", at=self.now())
            await unit.decide(SESSION, command.session, end)

        done = await run(decide, lanes=[(SESSION, command.session)])
        await self.sessions.end(command.session)
        return done


@dataclass(frozen=True)
class RevokeAllSessionsHandler:
    """Carries out `RevokeAllSessions`."""

    sessions: SessionStore
    now: Callable[[], datetime]

    async def __call__(self, command: RevokeAllSessions, run: Run) -> Done[None]:
        """End them; one that is begun meanwhile comes before or after that in the log.

        Raises:
            NoSuchAccount: there is no such account.
            Unconfirmed: it was recorded, and nobody could confirm that it counts already.
        """

        async def decide(unit: Unit) -> None:
            revoke = RevokeSessions(reason="revoked", kept=command.kept, at=self.now())
            await unit.decide(ACCOUNT, command.account, revoke)

        done = await run(decide, lanes=[(ACCOUNT, command.account)])
        await self.sessions.end_all(command.account, done.position.number, command.kept)
        return done
