"""How often flags were evaluated: counted in memory, and recorded now and then as an aggregate.

What a process has counted in a while is one event on a stream of its own, which the batch's id
names: to record the same batch again changes nothing.
"""

from datetime import datetime

import msgspec

from domain.decider import Command, Decider, Event


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How often a flag was on and was off, and how often each of its variants was served."""

    flag: str
    yes: int
    no: int
    variants: dict[str, int] = {}


class FlagUsageCounted(Event, frozen=True, kw_only=True, tag="flag.usage_counted"):
    """What one process has counted in one environment since it last told; `until` is when."""

    environment: str
    until: datetime
    counts: tuple[Count, ...]


class CountUsage(Command, frozen=True, kw_only=True):
    """Record a batch of counts."""

    environment: str
    counts: tuple[Count, ...]
    at: datetime


class UsageBatch(msgspec.Struct, frozen=True):
    """Whether the batch was recorded."""

    recorded: bool = False


def decide(batch: UsageBatch, command: CountUsage) -> list[FlagUsageCounted]:
    """Record a batch once."""
    if batch.recorded:
        return []
    return [
        FlagUsageCounted(environment=command.environment, until=command.at, counts=command.counts)
    ]


def evolve(_batch: UsageBatch, _event: FlagUsageCounted) -> UsageBatch:
    """The batch after an event."""
    return UsageBatch(recorded=True)


USAGE: Decider[UsageBatch, CountUsage, FlagUsageCounted] = Decider(
    category="flag-usage",
    events=FlagUsageCounted,
    initial=UsageBatch(),
    decide=decide,
    evolve=evolve,
)
