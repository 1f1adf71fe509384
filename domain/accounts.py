"""Accounts: who may sign in, and with what.

An address is reserved by a stream of its own, named by a keyed hash, so that it is unique without
any stream's name telling it. Failed sign-ins are counted outside the log; only a lock-out's onset
and one coalesced event per minute are facts here.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Erased, Event, Personal, Secret
from domain.rejections import Conflict, NotFound


class AccountRegistered(Event, frozen=True, kw_only=True, tag="account.registered"):
    """A person has an account now."""

    email: Personal
    password_hash: Secret


class AccountSessionsRevoked(Event, frozen=True, kw_only=True, tag="account.sessions_revoked"):
    """All sessions that the account had so far count no more."""

    reason: str


class AccountSignInsFailed(Event, frozen=True, kw_only=True, tag="account.sign_ins_failed"):
    """So many sign-ins failed within the minute that began at `minute`."""

    minute: datetime
    count: int


class AccountLockedOut(Event, frozen=True, kw_only=True, tag="account.locked_out"):
    """Too many failures in a row: no sign-in is tried before `until`."""

    until: datetime


AccountEvent = AccountRegistered | AccountSessionsRevoked | AccountSignInsFailed | AccountLockedOut


class RegisterAccount(Command, frozen=True, kw_only=True):
    """Open an account."""

    email: str
    password_hash: str
    at: datetime


class RevokeSessions(Command, frozen=True, kw_only=True):
    """End all sessions of the account, whoever holds them."""

    reason: str
    at: datetime


class RecordFailedSignIns(Command, frozen=True, kw_only=True):
    """Record the failures of one minute, coalesced."""

    minute: datetime
    count: int
    at: datetime


class LockOut(Command, frozen=True, kw_only=True):
    """Record the onset of a lock-out."""

    until: datetime
    at: datetime


AccountCommand = RegisterAccount | RevokeSessions | RecordFailedSignIns | LockOut


class NoAccount(msgspec.Struct, frozen=True):
    """Nobody has registered here."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account that is open."""

    email: str | Erased
    password_hash: str


class EmailTaken(Conflict):
    """The address belongs to an account already."""

    slug = "email-taken"
    title = "This e-mail address is taken"


class NoSuchAccount(NotFound):
    """There is no such account."""

    slug = "no-such-account"
    title = "There is no such account"


def decide(account: NoAccount | Account, command: AccountCommand) -> list[AccountEvent]:
    """Answer a command with the events it causes."""
    match command:
        case RegisterAccount():
            return _register(account, command)
        case RevokeSessions():
            return _revoke_sessions(account, command)
        case RecordFailedSignIns():
            return _record_failed(account, command)
        case LockOut():
            return [] if isinstance(account, NoAccount) else [AccountLockedOut(until=command.until)]
        case _:
            assert_never(command)


def _register(account: NoAccount | Account, command: RegisterAccount) -> list[AccountEvent]:
    if isinstance(account, Account):
        raise EmailTaken
    return [AccountRegistered(email=command.email, password_hash=command.password_hash)]


def _revoke_sessions(account: NoAccount | Account, command: RevokeSessions) -> list[AccountEvent]:
    if isinstance(account, NoAccount):
        raise NoSuchAccount
    return [AccountSessionsRevoked(reason=command.reason)]


def _record_failed(
    account: NoAccount | Account, command: RecordFailedSignIns
) -> list[AccountEvent]:
    if isinstance(account, NoAccount):
        return []
    return [AccountSignInsFailed(minute=command.minute, count=command.count)]


def evolve(account: NoAccount | Account, event: AccountEvent) -> NoAccount | Account:
    """The account after an event."""
    match event:
        case AccountRegistered():
            return Account(email=event.email, password_hash=event.password_hash)
        case _:
            return account


ACCOUNT: Decider[NoAccount | Account, AccountCommand, AccountEvent] = Decider(
    category="account",
    events=AccountEvent,
    initial=NoAccount(),
    decide=decide,
    evolve=evolve,
    system=True,
)


class EmailReserved(Event, frozen=True, kw_only=True, tag="email.reserved"):
    """An address belongs to an account; which address, only the stream's keyed name knows."""

    account: str


class ReserveEmail(Command, frozen=True, kw_only=True):
    """Take an address for an account."""

    account: str
    at: datetime


class EmailReservation(msgspec.Struct, frozen=True):
    """Whose an address is; nobody's while `account` is empty."""

    account: str = ""


def reserve(reservation: EmailReservation, command: ReserveEmail) -> list[EmailReserved]:
    """Take the address, if nobody has it."""
    if reservation.account:
        raise EmailTaken
    return [EmailReserved(account=command.account)]


def evolve_reservation(_reservation: EmailReservation, event: EmailReserved) -> EmailReservation:
    """The reservation after an event."""
    return EmailReservation(event.account)


EMAIL: Decider[EmailReservation, ReserveEmail, EmailReserved] = Decider(
    category="email",
    events=EmailReserved,
    initial=EmailReservation(),
    decide=reserve,
    evolve=evolve_reservation,
    system=True,
)
