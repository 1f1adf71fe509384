"""What a restore can be asked for."""

from datetime import datetime

from domain.decider import Command
from domain.restores.events import Parked


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
