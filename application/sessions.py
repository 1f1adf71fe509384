"""Sessions: sign in, sign out, and bring the sessions back from the log.

Failed sign-ins are counted outside the log. It learns of the onset of a lock-out, and of at most
one coalesced event per account and minute; guesses at addresses without an account leave no
trace in it, so an attack cannot grow the log.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from application.accounts import LONGEST_PASSWORD, NameHash, canonical_email
from application.bus import Run
from application.catching_up import changes_since
from application.codec import EventCodec
from application.event_store import EventStore, StoredEvent
from application.lockout import Attempt, Locked, Lockout, Report
from application.passwords import PasswordHasher
from application.session_store import (
    AllEnded,
    Ended,
    LiveSession,
    SessionChange,
    SessionRows,
    SessionStore,
    Started,
)
from application.unit import Done, Unit
from domain.accounts import (
    ACCOUNT,
    EMAIL,
    Account,
    AccountRoleGranted,
    LockOut,
    RecordFailedSignIns,
)
from domain.recorded import Recorded
from domain.rejections import LimitExceeded, Unauthenticated
from domain.sessions import SESSION, EndSession, SessionEnded, SessionStarted, StartSession


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Sign in from a client `address` with a `device` (its User-Agent)."""

    email: str
    password: str
    address: str
    device: str | None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The session; its token is told only here."""

    id: str
    account: str
    token: str
    expires_at: datetime


class SignOut(msgspec.Struct, frozen=True, kw_only=True):
    """End a session."""

    session: str
    account: str


class WrongCredentials(Unauthenticated):
    """The address is unknown or the password is wrong: the same answer for both."""

    slug = "wrong-credentials"
    title = "The e-mail address or the password is wrong"


class LockedOut(LimitExceeded):
    """Too many sign-ins have failed; none is tried before `retry_after`."""

    slug = "locked-out"
    title = "Too many failed sign-ins"


@dataclass(frozen=True)
class SignInHandler:
    """Carries out `SignIn`."""

    hasher: PasswordHasher
    lockout: Lockout
    sessions: SessionStore
    email_hash: NameHash
    new_token: Callable[[], str]
    lifetime: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, command: SignIn, run: Run) -> Done[SignedIn]:
        """Check the password, start the session, and make it known.

        Raises:
            LockedOut: too many sign-ins of this account or from this address have failed.
            WrongCredentials: in every other case, after the same time.
        """
        email = canonical_email(command.email)
        attempt = await self.lockout.reserve(email, command.address)
        if isinstance(attempt, Locked):
            raise LockedOut(retry_after=attempt.retry_after)
        owner = await self._owner(email, run)
        known = owner[1].password_hash if owner else None
        password = command.password[: LONGEST_PASSWORD + 1]  # a longer one is wrong in any case
        verified = await self.hasher.verify(known, password)
        if owner is None or not verified.ok:
            await self._failed(attempt, owner[0] if owner else None, run)
            raise WrongCredentials
        done, live = await self._start(command, owner, run)
        await self.sessions.put(live)
        await self.lockout.succeeded(attempt)
        return done

    async def _owner(self, email: str, run: Run) -> tuple[str, Account] | None:
        """The account of an address; looked up the same way whether there is one or not."""

        async def look(unit: Unit) -> tuple[str, Account] | None:
            reservation = await unit.load(EMAIL, self.email_hash(email))
            account = await unit.load(ACCOUNT, reservation.account or "nobody")
            return (reservation.account, account) if isinstance(account, Account) else None

        return await run.look(look)

    async def _start(
        self, command: SignIn, owner: tuple[str, Account], run: Run
    ) -> tuple[Done[SignedIn], LiveSession]:
        account, verified = owner
        at = self.now()
        token, session, expires_at = self.new_token(), str(self.new_id()), at + self.lifetime
        token_hash = hashlib.sha256(token.encode()).hexdigest()

        async def decide(unit: Unit) -> SignedIn:
            now = await unit.guard(ACCOUNT, account)
            if not isinstance(now, Account) or now.password_hash != verified.password_hash:
                raise WrongCredentials
            start = StartSession(
                account=account,
                role=now.role,
                token_hash=token_hash,
                expires_at=expires_at,
                address=command.address,
                device=command.device,
                at=at,
            )
            unit.begin(SESSION, session, start)
            return SignedIn(id=session, account=account, token=token, expires_at=expires_at)

        done = await run(decide)
        live = LiveSession(
            id=session,
            token_hash=token_hash,
            account=account,
            role=verified.role,
            created_at=at,
            expires_at=expires_at,
            position=done.position.number,
        )
        return done, live

    async def _failed(self, attempt: Attempt, account: str | None, run: Run) -> None:
        failure = await self.lockout.failed(attempt)
        report = failure.account
        if account is None or not (report.onset or report.first_in_minute):
            return

        async def decide(unit: Unit) -> None:
            for command in self._facts(report):
                await unit.decide(ACCOUNT, account, command)

        await run.aside(decide, lanes=[(ACCOUNT, account)])

    def _facts(self, report: Report) -> list[RecordFailedSignIns | LockOut]:
        at = self.now()
        facts: list[RecordFailedSignIns | LockOut] = []
        if report.first_in_minute and report.earlier_minute is not None:
            facts.append(
                RecordFailedSignIns(
                    minute=report.earlier_minute, count=report.earlier_failures, at=at
                )
            )
        if report.onset:
            facts.append(LockOut(until=at + timedelta(seconds=report.locked_for), at=at))
        return facts


@dataclass(frozen=True)
class SignOutHandler:
    """Carries out `SignOut`; answers only after the session opens nothing any more."""

    sessions: SessionStore
    now: Callable[[], datetime]

    async def __call__(self, command: SignOut, run: Run) -> Done[None]:
        """End the session."""

        async def decide(unit: Unit) -> None:
            end = EndSession(session=command.session, reason="signed_out", at=self.now())
            await unit.decide(SESSION, command.session, end)

        done = await run(decide, lanes=[(SESSION, command.session)])
        await self.sessions.end(command.session)
        return done


class OpenSessions(Protocol):
    """The read model of sessions, as a rebuild needs it."""

    async def open_sessions(self) -> tuple[int, AsyncIterator[Sequence[LiveSession]]]:
        """The checkpoint's position, and the sessions that were open there."""
        ...


@dataclass(frozen=True)
class LoggedSessions:
    """Where a rebuild of the sessions reads: the read model, then the log behind it."""

    rows: OpenSessions
    store: EventStore
    codec: EventCodec

    async def load(self) -> SessionRows:
        """See `SessionSource`."""
        tail = await self.store.tail()
        position, batches = await self.rows.open_sessions()
        return SessionRows(incarnation=tail.incarnation, position=position, batches=batches)

    async def catch_up(self, after: int, incarnation: UUID) -> tuple[Sequence[SessionChange], int]:
        """See `SessionSource`."""
        return await changes_since(
            after, incarnation, store=self.store, codec=self.codec, read=session_changes
        )


async def session_changes(events: Sequence[StoredEvent], codec: EventCodec) -> list[SessionChange]:
    """What some events of the log mean for who is signed in."""
    mine = [event for event in events if event.type in _CHANGES]
    return [_change(recorded) for recorded in await codec.decode(mine)]


_CHANGES = {"session.started", "session.ended", "account.role_granted"}


def _change(
    recorded: Recorded[SessionStarted | SessionEnded | AccountRoleGranted],
) -> SessionChange:
    event = recorded.event
    if isinstance(event, AccountRoleGranted):
        return AllEnded(recorded.stream_id, recorded.position)
    if isinstance(event, SessionEnded):
        return Ended(recorded.stream_id)
    return Started(
        LiveSession(
            id=recorded.stream_id,
            token_hash=event.token_hash,
            account=event.account,
            role=event.role,
            created_at=recorded.recorded_at,
            expires_at=event.expires_at,
            position=recorded.position,
        )
    )
