"""Sessions: sign in, sign out, and bring the sessions back from the log.

The log is the truth; requests are checked against `SessionStore`, which is derived from it.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

from application.bus import Run
from application.catching_up import changes_since
from application.codec import EventCodec
from application.credentials import CredentialCheck, Credentials
from application.event_store import EventStore, StoredEvent
from application.memberships import Standings
from application.second_factors.checking import GivenFactor, SecondFactorCheck
from application.second_factors.ports import RelyingParty
from application.second_factors.signing_in import completing
from application.session_store import (
    AllEnded,
    End,
    Ended,
    LiveSession,
    SessionChange,
    SessionRows,
    SessionStore,
    Started,
)
from application.session_tenants import insist_on_belonging
from application.signing_in import PASSWORD, Opening, SessionOpener, SignedIn
from application.unit import Done, Unit
from domain.accounts import (
    Account,
    AccountSessionsRevoked,
)
from domain.recorded import DEFAULT_TENANT, Recorded
from domain.sessions import SESSION, EndSession, SessionEnded, SessionStarted


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Sign in from a client `address` with a `device` (its User-Agent).

    `party` is whom the person's passkeys are asked for, should they be needed; `replaces` names the
    session that this one ends, where the client was in one. `tenant` is where the person wants to
    work.
    """

    email: str
    password: str
    address: str
    device: str | None
    party: RelyingParty | None = None
    replaces: str = ""
    tenant: str = DEFAULT_TENANT


class SignOut(msgspec.Struct, frozen=True, kw_only=True):
    """End a session."""

    session: str
    account: str


@dataclass(frozen=True)
class SignInHandler:
    """Carries out `SignIn`."""

    check: CredentialCheck
    second_factor: SecondFactorCheck
    open: SessionOpener
    standings: Standings

    async def __call__(self, command: SignIn, run: Run) -> Done[SignedIn]:
        """Check the password, start the session, and make it known.

        Raises:
            LockedOut: too many sign-ins of this account or from this address have failed.
            SecondFactorRequired: the password was right, and is not enough.
            NotYourTenant: the person is nobody in the tenant that they want.
            WrongCredentials: in every other case, after the same time.
        """
        given = Credentials(email=command.email, password=command.password, address=command.address)
        checked = await self.check(given, run)
        opening = Opening(
            account=checked.id,
            password_hash=checked.account.password_hash,
            methods=(PASSWORD,),
            address=command.address,
            device=command.device,
            replaces=command.replaces,
            tenant=command.tenant,
        )
        asked, tenant = GivenFactor(party=command.party), command.tenant

        async def use(unit: Unit, _account: Account) -> None:
            await self.second_factor(unit, checked.id, asked, tenant=tenant)
            await insist_on_belonging(self.standings, checked.id, tenant)

        async with completing(self.check, checked, run):
            return await self.open(run, opening, use)


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

    async def open_sessions(self) -> tuple[int, AsyncIterator[Sequence[Started]]]:
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


class _Revoked(msgspec.Struct, frozen=True):
    """What `account.sessions_revoked` tells beside its envelope; nothing in it is sealed."""

    kept: str = ""


def ends_in(events: Sequence[StoredEvent]) -> list[End]:
    """The ends among some events of the log, told at once, without any key."""
    found: list[End] = []
    for event in events:
        id_ = event.stream.partition("/")[2]
        if event.type == "session.ended":
            found.append(Ended(id_))
        elif event.type == "account.sessions_revoked":
            kept = msgspec.json.decode(event.data, type=_Revoked).kept
            found.append(AllEnded(id_, event.position, kept))
    return found


_CHANGES = {"session.started", "session.ended", "account.sessions_revoked"}


def _change(
    recorded: Recorded[SessionStarted | SessionEnded | AccountSessionsRevoked],
) -> SessionChange:
    event = recorded.event
    if isinstance(event, AccountSessionsRevoked):
        return AllEnded(recorded.stream_id, recorded.position, event.kept)
    if isinstance(event, SessionEnded):
        return Ended(recorded.stream_id)
    return Started(
        LiveSession(
            id=recorded.stream_id,
            token_hash=event.token_hash,
            account=event.account,
            tenant=event.tenant,
            created_at=recorded.recorded_at,
            authenticated_at=event.authenticated_at,
            expires_at=event.expires_at,
            position=recorded.position,
        )
    )
