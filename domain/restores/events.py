"""What happens to a restore."""

from datetime import datetime

import msgspec

from domain.decider import Event


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
