"""Sessions: that somebody is signed in, from when, until when.

The log keeps only a hash of the token. What a request is checked against lives in Redis and can
be rebuilt from these events.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Erased, Event, Personal, Secret
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Conflict, NotFound


class SessionStarted(Event, frozen=True, kw_only=True, tag="session.started"):
    """An account has signed in.

    `methods` says how (`amr` values of RFC 8176), `authenticated_at` when it last proved that. A
    session that `replaces` another goes on where that one ended, under a new token. `revocations`
    is how often all sessions of the account had been ended before (None: it was not noted).
    """

    PERSON = "account"

    account: str
    token_hash: Secret
    authenticated_at: datetime
    expires_at: datetime
    tenant: str = DEFAULT_TENANT
    methods: tuple[str, ...] = ()
    replaces: str = ""
    address: Personal | None = None
    device: Personal | None = None
    revocations: int | None = None


class SessionEnded(Event, frozen=True, kw_only=True, tag="session.ended"):
    """The session counts no more: it was signed out or revoked."""

    account: str
    reason: str


SessionEvent = SessionStarted | SessionEnded


class StartSession(Command, frozen=True, kw_only=True):
    """Sign in an account that has proved who it is."""

    account: str
    token_hash: str
    authenticated_at: datetime
    expires_at: datetime
    tenant: str
    methods: tuple[str, ...]
    replaces: str
    address: str | None
    device: str | None
    revocations: int
    at: datetime


class EndSession(Command, frozen=True, kw_only=True):
    """End a session, for a reason; what has ended stays so."""

    session: str
    reason: str
    at: datetime


SessionCommand = StartSession | EndSession


class NoSession(msgspec.Struct, frozen=True):
    """Nothing was started."""


class OpenSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that counts until it expires."""

    account: str
    tenant: str
    methods: tuple[str, ...]
    authenticated_at: datetime
    expires_at: datetime
    address: str | Erased | None
    device: str | Erased | None
    revocations: int | None


class EndedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that counts no more."""

    account: str
    tenant: str


Session = NoSession | OpenSession | EndedSession


class NoSuchSession(NotFound):
    """There is no such session, or it is another account's."""

    slug = "no-such-session"
    title = "You have no such session"


class SessionIdTaken(Conflict):
    """The new session's id is in use."""

    slug = "session-id-taken"
    title = "This session exists"


def decide(session: Session, command: SessionCommand) -> list[SessionEvent]:
    """Answer a command with the events it causes."""
    match command:
        case StartSession():
            return _start(session, command)
        case EndSession():
            return _end(session, command)
        case _:
            assert_never(command)


def _start(session: Session, command: StartSession) -> list[SessionEvent]:
    if not isinstance(session, NoSession):
        raise SessionIdTaken
    return [
        SessionStarted(
            account=command.account,
            token_hash=command.token_hash,
            authenticated_at=command.authenticated_at,
            expires_at=command.expires_at,
            tenant=command.tenant,
            methods=command.methods,
            replaces=command.replaces,
            address=command.address,
            device=command.device,
            revocations=command.revocations,
        )
    ]


def _end(session: Session, command: EndSession) -> list[SessionEvent]:
    if not isinstance(session, OpenSession):
        return []
    return [SessionEnded(account=session.account, reason=command.reason)]


def evolve(session: Session, event: SessionEvent) -> Session:
    """The session after an event."""
    match event:
        case SessionStarted():
            return OpenSession(
                account=event.account,
                tenant=event.tenant,
                methods=event.methods,
                authenticated_at=event.authenticated_at,
                expires_at=event.expires_at,
                address=event.address,
                device=event.device,
                revocations=event.revocations,
            )
        case SessionEnded():
            tenant = DEFAULT_TENANT if isinstance(session, NoSession) else session.tenant
            return EndedSession(account=event.account, tenant=tenant)
        case _:
            assert_never(event)


SESSION: Decider[Session, SessionCommand, SessionEvent] = Decider(
    category="session",
    events=SessionEvent,
    initial=NoSession(),
    decide=decide,
    evolve=evolve,
    system=True,
)
