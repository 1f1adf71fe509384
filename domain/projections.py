"""What people decide about a read model: that it pauses, goes on, tries again, leaves out an event.

How far a read model is and why it stands still are facts of the machinery and no events; what
somebody did about it is, with who and why.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Conflict


class ProjectionPaused(Event, frozen=True, kw_only=True, tag="projection.paused"):
    """The projection applies nothing more."""

    reason: str


class ProjectionResumed(Event, frozen=True, kw_only=True, tag="projection.resumed"):
    """The projection goes on where it stood."""

    reason: str


class ProjectionRetried(Event, frozen=True, kw_only=True, tag="projection.retried"):
    """The projection tries the event again on which it failed."""

    position: int
    reason: str


class ProjectionSkipped(Event, frozen=True, kw_only=True, tag="projection.skipped"):
    """This version of the projection leaves one event out, in every build."""

    version: int
    position: int
    reason: str


ProjectionEvent = ProjectionPaused | ProjectionResumed | ProjectionRetried | ProjectionSkipped


class PauseProjection(Command, frozen=True, kw_only=True):
    """Apply nothing more until told otherwise."""

    projection: str
    reason: str
    at: datetime


class ResumeProjection(Command, frozen=True, kw_only=True):
    """Go on."""

    projection: str
    reason: str
    at: datetime


class RetryProjection(Command, frozen=True, kw_only=True):
    """Try the event again on which the projection failed; None where it failed on none."""

    projection: str
    position: int | None
    reason: str
    at: datetime


class SkipEvent(Command, frozen=True, kw_only=True):
    """Leave out the event on which the projection failed; `failed_at` is where that is."""

    projection: str
    version: int
    position: int
    failed_at: int | None
    reason: str
    at: datetime


ProjectionCommand = PauseProjection | ResumeProjection | RetryProjection | SkipEvent


class Controls(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about one projection; `skipped` holds (version, position)."""

    paused: bool = False
    skipped: frozenset[tuple[int, int]] = frozenset()
    retries: int = 0


class NotFailed(Conflict):
    """The projection does not stand at this event."""

    slug = "projection-not-failed"
    title = "The projection has not failed there"


def decide(controls: Controls, command: ProjectionCommand) -> list[ProjectionEvent]:
    """Answer a command with the events it causes."""
    match command:
        case PauseProjection():
            return [] if controls.paused else [ProjectionPaused(reason=command.reason)]
        case ResumeProjection():
            return [ProjectionResumed(reason=command.reason)] if controls.paused else []
        case RetryProjection():
            return _retry(command)
        case SkipEvent():
            return _skip(controls, command)
        case _:
            assert_never(command)


def _retry(command: RetryProjection) -> list[ProjectionEvent]:
    if command.position is None:
        raise NotFailed(projection=command.projection)
    return [ProjectionRetried(position=command.position, reason=command.reason)]


def _skip(controls: Controls, command: SkipEvent) -> list[ProjectionEvent]:
    if (command.version, command.position) in controls.skipped:
        return []
    if command.failed_at != command.position:
        raise NotFailed(projection=command.projection, failed_at=command.failed_at)
    return [
        ProjectionSkipped(version=command.version, position=command.position, reason=command.reason)
    ]


def evolve(controls: Controls, event: ProjectionEvent) -> Controls:
    """What is decided after an event."""
    match event:
        case ProjectionPaused():
            return msgspec.structs.replace(controls, paused=True)
        case ProjectionResumed():
            return msgspec.structs.replace(controls, paused=False)
        case ProjectionRetried():
            return msgspec.structs.replace(controls, retries=controls.retries + 1)
        case ProjectionSkipped():
            skipped = controls.skipped | {(event.version, event.position)}
            return msgspec.structs.replace(controls, skipped=skipped)
        case _:
            assert_never(event)


PROJECTION: Decider[Controls, ProjectionCommand, ProjectionEvent] = Decider(
    category="projection",
    events=ProjectionEvent,
    initial=Controls(),
    decide=decide,
    evolve=evolve,
    system=True,
)
