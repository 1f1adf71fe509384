"""Restores: a backup takes the log's place, up to a wished position of it.

A restore begins in the log that is replaced and ends in the one that replaces it: there
`restore.completed` is the first event of the new incarnation. One that fails ends where it began.
What was asked of the outside world before and had not been seen to succeed is parked, and follows
again when a person says so.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, NotFound


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a reaction owes to the event at `position`, and which waits for a person."""

    reaction: str
    tenant: str
    stream: str
    position: int


class RestoreStarted(Event, frozen=True, kw_only=True, tag="restore.started"):
    """This log is about to be replaced.

    `version` is the backup and `base` its position; `position` is where the new log is to end
    (None: where this one does), `tail` where this one ended when somebody confirmed that
    everything behind `position` goes. With `discard_later` that holds for what came since, too.
    """

    version: str
    base: int
    position: int | None
    tail: int
    discard_later: bool
    reason: str


class RestoreFailed(Event, frozen=True, kw_only=True, tag="restore.failed"):
    """The restore was given up at this step; this log goes on as if it had never been asked for."""

    step: str
    error: str


class RestoreCompleted(Event, frozen=True, kw_only=True, tag="restore.completed"):
    """This log has taken the place of another.

    It has the events of the log `source` up to `position`: those of the backup up to `base`, the
    others replayed. It replaces the log `replaced`, which ended at `replaced_position` and is
    kept as the database `kept`. `parked` counts what waits for a person.
    """

    version: str
    source: str
    base: int
    position: int
    replaced: str
    replaced_position: int
    kept: str
    parked: int
    asked_by: str
    asked_at: datetime
    reason: str


class RestoreParked(Event, frozen=True, kw_only=True, tag="restore.parked"):
    """These wait until a person lets them follow; a long list comes in several events."""

    items: tuple[Parked, ...]


class RestoreReleased(Event, frozen=True, kw_only=True, tag="restore.released"):
    """These follow now."""

    items: tuple[Parked, ...]


class RestoreOldDropped(Event, frozen=True, kw_only=True, tag="restore.old_dropped"):
    """The log that was replaced is gone for good."""

    database: str


RestoreEvent = (
    RestoreStarted
    | RestoreFailed
    | RestoreCompleted
    | RestoreParked
    | RestoreReleased
    | RestoreOldDropped
)

PAGE = 500
"""Parked items to an event."""


class StartRestore(Command, frozen=True, kw_only=True):
    """Replace this log by a backup; everything was looked at and confirmed."""

    restore: str
    version: str
    base: int
    position: int | None
    tail: int
    discard_later: bool
    reason: str
    at: datetime


class FailRestore(Command, frozen=True, kw_only=True):
    """Give a restore up."""

    restore: str
    step: str
    error: str
    at: datetime


class CompleteRestore(Command, frozen=True, kw_only=True):
    """Say in the new log what it is; the fields are those of the event."""

    restore: str
    version: str
    source: str
    base: int
    position: int
    replaced: str
    replaced_position: int
    kept: str
    parked: tuple[Parked, ...]
    asked_by: str
    asked_at: datetime
    reason: str
    at: datetime


class ReleaseParked(Command, frozen=True, kw_only=True):
    """Let these follow; those that do not wait any more are passed over."""

    restore: str
    positions: tuple[int, ...]
    at: datetime


class DropOld(Command, frozen=True, kw_only=True):
    """Let the log go that this restore has replaced."""

    restore: str
    at: datetime


RestoreCommand = StartRestore | FailRestore | CompleteRestore | ReleaseParked | DropOld


class NoRestore(msgspec.Struct, frozen=True):
    """Nothing was restored."""


RUNNING, FAILED, COMPLETED = "running", "failed", "completed"


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """A restore; `phase` is its public state, `kept` the old log's database while there is one."""

    version: str
    base: int
    position: int | None
    phase: str
    tail: int = 0
    discard_later: bool = False
    reason: str = ""
    step: str = ""
    error: str = ""
    kept: str = ""
    parked: tuple[Parked, ...] = ()


class NoSuchRestore(NotFound):
    """No such restore was asked for."""

    slug = "no-such-restore"
    title = "There is no such restore"


class RestoreExists(Conflict):
    """The new restore's id is in use."""

    slug = "restore-exists"
    title = "This restore exists"


class RestoreHasEnded(Conflict):
    """The restore has ended already, another way."""

    slug = "restore-has-ended"
    title = "This restore has ended"


class NoOldLog(Conflict):
    """The restore has left no log behind, or that was dropped."""

    slug = "no-old-log"
    title = "This restore keeps no old log"


def decide(restore: NoRestore | Restore, command: RestoreCommand) -> list[RestoreEvent]:
    """Answer a command with the events it causes."""
    match command:
        case StartRestore():
            return _start(restore, command)
        case CompleteRestore():
            return _complete(restore, command)
    if isinstance(restore, NoRestore):
        raise NoSuchRestore
    match command:
        case FailRestore():
            return _fail(restore, command)
        case ReleaseParked():
            return _release(restore, command)
        case DropOld():
            return _drop_old(restore)
        case _:
            assert_never(command)


def _start(restore: NoRestore | Restore, command: StartRestore) -> list[RestoreEvent]:
    if isinstance(restore, Restore):
        raise RestoreExists
    return [
        RestoreStarted(
            version=command.version,
            base=command.base,
            position=command.position,
            tail=command.tail,
            discard_later=command.discard_later,
            reason=command.reason,
        )
    ]


def _complete(restore: NoRestore | Restore, command: CompleteRestore) -> list[RestoreEvent]:
    """The beginning of the restore may lie in the old log only, or in this one, too."""
    if isinstance(restore, Restore) and restore.phase != RUNNING:
        if restore.phase == COMPLETED:
            return []
        raise RestoreHasEnded
    completed = RestoreCompleted(
        version=command.version,
        source=command.source,
        base=command.base,
        position=command.position,
        replaced=command.replaced,
        replaced_position=command.replaced_position,
        kept=command.kept,
        parked=len(command.parked),
        asked_by=command.asked_by,
        asked_at=command.asked_at,
        reason=command.reason,
    )
    pages = range(0, len(command.parked), PAGE)
    return [completed, *(RestoreParked(items=command.parked[at : at + PAGE]) for at in pages)]


def _fail(restore: Restore, command: FailRestore) -> list[RestoreEvent]:
    if restore.phase == FAILED:
        return []
    if restore.phase != RUNNING:
        raise RestoreHasEnded
    return [RestoreFailed(step=command.step, error=command.error)]


def _release(restore: Restore, command: ReleaseParked) -> list[RestoreEvent]:
    wanted = set(command.positions)
    items = tuple(each for each in restore.parked if each.position in wanted)
    pages = range(0, len(items), PAGE)
    return [RestoreReleased(items=items[at : at + PAGE]) for at in pages]


def _drop_old(restore: Restore) -> list[RestoreEvent]:
    if not restore.kept:
        raise NoOldLog
    return [RestoreOldDropped(database=restore.kept)]


def evolve(restore: NoRestore | Restore, event: RestoreEvent) -> NoRestore | Restore:
    """The restore after an event."""
    match event:
        case RestoreStarted():
            return Restore(
                version=event.version,
                base=event.base,
                position=event.position,
                phase=RUNNING,
                tail=event.tail,
                discard_later=event.discard_later,
                reason=event.reason,
            )
        case RestoreCompleted():
            return Restore(
                version=event.version,
                base=event.base,
                position=event.position,
                phase=COMPLETED,
                tail=event.replaced_position,
                reason=event.reason,
                kept=event.kept,
            )
    return restore if isinstance(restore, NoRestore) else _change(restore, event)


def _change(restore: Restore, event: RestoreEvent) -> Restore:
    match event:
        case RestoreFailed():
            step, error = event.step, event.error
            return msgspec.structs.replace(restore, phase=FAILED, step=step, error=error)
        case RestoreParked():
            return msgspec.structs.replace(restore, parked=restore.parked + event.items)
        case RestoreReleased():
            gone = set(event.items)
            left = tuple(each for each in restore.parked if each not in gone)
            return msgspec.structs.replace(restore, parked=left)
        case RestoreOldDropped():
            return msgspec.structs.replace(restore, kept="")
        case _:
            return restore


RESTORE: Decider[NoRestore | Restore, RestoreCommand, RestoreEvent] = Decider(
    category="restore",
    events=RestoreEvent,
    initial=NoRestore(),
    decide=decide,
    evolve=evolve,
    system=True,
)
