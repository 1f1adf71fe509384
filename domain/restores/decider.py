"""What a restore answers to a command, and what an event makes of it."""

from typing import assert_never

import msgspec

from domain.decider import Decider
from domain.restores.commands import (
    CompleteRestore,
    DropOld,
    FailRestore,
    ReleaseParked,
    RestoreCommand,
    StartRestore,
)
from domain.restores.events import (
    RestoreCompleted,
    RestoreEvent,
    RestoreFailed,
    RestoreOldDropped,
    RestoreParked,
    RestoreReleased,
    RestoreStarted,
)
from domain.restores.state import (
    COMPLETED,
    FAILED,
    RUNNING,
    NoOldLog,
    NoRestore,
    NoSuchRestore,
    Restore,
    RestoreExists,
    RestoreHasEnded,
)

PAGE = 500
"""Parked items to an event."""


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
