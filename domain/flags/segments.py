"""Segments: conditions with a name, which the rules of many flags share."""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from domain.decider import Command, Decider
from domain.flags.checking import faults_of_condition
from domain.flags.conditions import Condition
from domain.flags.events import SegmentArchived, SegmentDefined, SegmentEvent
from domain.flags.state import NoSegment, Segment
from domain.rejections import Conflict, Invalid, NotFound


class DefineSegment(Command, frozen=True, kw_only=True):
    """Say who belongs to the segment; an archived one is there again.

    `protected` are the flags that only change by approval and whose rules name it.
    """

    segment: str
    description: str
    condition: Condition
    protected: Sequence[str] = ()
    at: datetime


class ArchiveSegment(Command, frozen=True, kw_only=True):
    """Take the segment away; `used_by` are the flags whose rules name it."""

    segment: str
    used_by: Sequence[str]
    at: datetime


SegmentCommand = DefineSegment | ArchiveSegment


class NoSuchSegment(NotFound):
    """No such segment is there."""

    slug = "no-such-segment"
    title = "There is no such segment"


class SegmentInUse(Conflict):
    """Rules of flags name the segment."""

    slug = "segment-in-use"
    title = "The segment is used by flags"


class SegmentIsProtected(Conflict):
    """To change the segment would change flags that only change by approval."""

    slug = "segment-is-protected"
    title = "The segment is used by protected flags"


def decide(segment: NoSegment | Segment, command: SegmentCommand) -> list[SegmentEvent]:
    """Answer a command with the events it causes."""
    match command:
        case DefineSegment():
            return _define(segment, command)
        case ArchiveSegment():
            return _archive(segment, command)
        case _:
            assert_never(command)


def _define(segment: NoSegment | Segment, command: DefineSegment) -> list[SegmentEvent]:
    faults = faults_of_condition(command.condition, segments_known=None, pointer="/condition")
    if faults:
        raise Invalid(*faults)
    wanted = Segment(description=command.description, condition=command.condition)
    if segment == wanted:
        return []
    if command.protected and isinstance(segment, Segment) and segment.condition != wanted.condition:
        flags = ", ".join(sorted(command.protected)[:5])
        detail = f"Define another one, and propose that these flags use it: {flags}."
        raise SegmentIsProtected(detail, flags=sorted(command.protected)[:100])
    return [SegmentDefined(description=command.description, condition=command.condition)]


def _archive(segment: NoSegment | Segment, command: ArchiveSegment) -> list[SegmentEvent]:
    if isinstance(segment, NoSegment):
        raise NoSuchSegment(segment=command.segment)
    if segment.archived:
        return []
    if command.used_by:
        flags = ", ".join(sorted(command.used_by)[:5])
        detail = f"Take it out of the rules first: {flags}."
        raise SegmentInUse(detail, flags=sorted(command.used_by)[:100])
    return [SegmentArchived()]


def evolve(segment: NoSegment | Segment, event: SegmentEvent) -> NoSegment | Segment:
    """The segment after an event."""
    match event:
        case SegmentDefined():
            return Segment(description=event.description, condition=event.condition)
        case SegmentArchived():
            if isinstance(segment, NoSegment):
                return segment
            return Segment(
                description=segment.description, condition=segment.condition, archived=True
            )
        case _:
            assert_never(event)


SEGMENT: Decider[NoSegment | Segment, SegmentCommand, SegmentEvent] = Decider(
    category="segment", events=SegmentEvent, initial=NoSegment(), decide=decide, evolve=evolve
)
