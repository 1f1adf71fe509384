"""Refusals: that somebody knocks at a source with messages that cannot be verified.

Anybody who knows an address can send bad messages to it as fast as they like. The log learns of
the first in a minute, and with it how many there were in the minute before: never more than one
event per source and minute, which this decider makes sure of, however many processes count.
"""

from datetime import datetime
from typing import Literal

import msgspec

from domain.decider import Command, Decider, Event

Reason = Literal["signature", "timestamp"]


class WebhooksRefused(Event, frozen=True, kw_only=True, tag="webhook_source.refused"):
    """A message was refused in this minute, the first one for this reason.

    `earlier_count` were refused in `earlier_minute`, the last minute before that had any.
    """

    minute: datetime
    reason: Reason
    earlier_minute: datetime | None
    earlier_count: int


class RecordRefusal(Command, frozen=True, kw_only=True):
    """Tell of a refusal, the first in its minute; minutes are whole ones."""

    minute: datetime
    reason: Reason
    earlier_minute: datetime | None
    earlier_count: int
    at: datetime


class Refusals(msgspec.Struct, frozen=True):
    """The last minute that was told of."""

    minute: datetime | None = None


def decide(refusals: Refusals, command: RecordRefusal) -> list[WebhooksRefused]:
    """Tell of a minute once."""
    if refusals.minute is not None and command.minute <= refusals.minute:
        return []
    return [
        WebhooksRefused(
            minute=command.minute,
            reason=command.reason,
            earlier_minute=command.earlier_minute,
            earlier_count=command.earlier_count,
        )
    ]


def evolve(_refusals: Refusals, event: WebhooksRefused) -> Refusals:
    """What is told of after an event."""
    return Refusals(event.minute)


REFUSALS: Decider[Refusals, RecordRefusal, WebhooksRefused] = Decider(
    category="webhook-refusals",
    events=WebhooksRefused,
    initial=Refusals(),
    decide=decide,
    evolve=evolve,
)
