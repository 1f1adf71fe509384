"""Addresses: each belongs to one account at most.

A stream's id is the keyed hash of the address in the form in which addresses are compared, so which
address it is, only who holds the key and the address can tell.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.accounts.state import EmailTaken
from domain.decider import Command, Decider, Event


class EmailReserved(Event, frozen=True, kw_only=True, tag="email.reserved"):
    """The address belongs to an account."""

    account: str


class EmailReleased(Event, frozen=True, kw_only=True, tag="email.released"):
    """The address is free again."""


EmailEvent = EmailReserved | EmailReleased


class ReserveEmail(Command, frozen=True, kw_only=True):
    """Take the address for an account."""

    account: str
    at: datetime


class ReleaseEmail(Command, frozen=True, kw_only=True):
    """Give the address back, if it is this account's."""

    account: str
    at: datetime


EmailCommand = ReserveEmail | ReleaseEmail


class EmailReservation(msgspec.Struct, frozen=True):
    """Whose an address is, nobody's while `account` is empty; and how often it was given back."""

    account: str = ""
    releases: int = 0


def decide(reservation: EmailReservation, command: EmailCommand) -> list[EmailEvent]:
    """Answer a command with the events it causes."""
    match command:
        case ReserveEmail():
            if reservation.account:
                raise EmailTaken
            return [EmailReserved(account=command.account)]
        case ReleaseEmail():
            return [EmailReleased()] if reservation.account == command.account else []
        case _:
            assert_never(command)


def evolve(reservation: EmailReservation, event: EmailEvent) -> EmailReservation:
    """The reservation after an event."""
    match event:
        case EmailReserved():
            return EmailReservation(event.account, reservation.releases)
        case EmailReleased():
            return EmailReservation("", reservation.releases + 1)
        case _:
            assert_never(event)


EMAIL: Decider[EmailReservation, EmailCommand, EmailEvent] = Decider(
    category="email",
    events=EmailEvent,
    initial=EmailReservation(),
    decide=decide,
    evolve=evolve,
    system=True,
)
