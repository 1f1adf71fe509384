"""Restores: a backup takes the log's place, up to a wished position of it.

A restore begins in the log that is replaced and ends in the one that replaces it: there
`restore.completed` is the first event of the new incarnation. One that fails ends where it began.
What was asked of the outside world before and had not been seen to succeed is parked, and follows
again when a person says so.
"""

from domain.restores.commands import (
    CompleteRestore,
    DropOld,
    FailRestore,
    ReleaseParked,
    StartRestore,
)
from domain.restores.decider import PAGE, RESTORE
from domain.restores.events import (
    Parked,
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

__all__ = [
    "COMPLETED",
    "FAILED",
    "PAGE",
    "RESTORE",
    "RUNNING",
    "CompleteRestore",
    "DropOld",
    "FailRestore",
    "NoOldLog",
    "NoRestore",
    "NoSuchRestore",
    "Parked",
    "ReleaseParked",
    "Restore",
    "RestoreCompleted",
    "RestoreEvent",
    "RestoreExists",
    "RestoreFailed",
    "RestoreHasEnded",
    "RestoreOldDropped",
    "RestoreParked",
    "RestoreReleased",
    "RestoreStarted",
    "StartRestore",
]
