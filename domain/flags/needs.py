"""Needs: that flags have begun to need a segment or another flag, told where that can be guarded.

Whoever archives something looks at all flags first, and its own stream does not change when a flag
begins to name it. So each thing that flags name has a second stream: who begins to need it writes
there, and who archives it insists that nobody has written since.
"""

from datetime import datetime

import msgspec

from domain.decider import Command, Decider, Event

MOST_FLAGS = 1000
"""Flags that one event names: an import may bring ten thousand for one segment."""


class NeedBegun(Event, frozen=True, kw_only=True, tag="flag_need.begun"):
    """These flags name the stream's segment or flag from now on, and did not before."""

    flags: tuple[str, ...]


class BeginNeed(Command, frozen=True, kw_only=True):
    """Let flags need it."""

    flags: tuple[str, ...]
    at: datetime


class Need(msgspec.Struct, frozen=True):
    """Who needs it now is what the flags say; all that counts here is the version."""


def decide(_need: Need, command: BeginNeed) -> list[NeedBegun]:
    """Answer a command with the events it causes: a need may begin again."""
    flags = command.flags
    return [
        NeedBegun(flags=flags[start : start + MOST_FLAGS])
        for start in range(0, len(flags), MOST_FLAGS)
    ]


def evolve(need: Need, _event: NeedBegun) -> Need:
    """The need after an event."""
    return need


NEED: Decider[Need, BeginNeed, NeedBegun] = Decider(
    category="flag-need", events=NeedBegun, initial=Need(), decide=decide, evolve=evolve
)
