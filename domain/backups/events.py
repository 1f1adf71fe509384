"""What happens to a version of the backup."""

import msgspec

from domain.decider import Event

WORKER, CALLER = "worker", "caller"
"""Who carries out what was started: a worker, or the command line that has started it."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole version says of itself; `digest` is over every event, `bytes` what is stored."""

    position: int
    events: int
    bytes: int
    digest: str
    schema_version: int


class BackupStarted(Event, frozen=True, kw_only=True, tag="backup.started"):
    """A version was asked for; `runner` dumps it, `scheduled` tells that nobody asked by hand."""

    label: str
    runner: str
    scheduled: bool


class BackupCompleted(Event, frozen=True, kw_only=True, tag="backup.completed"):
    """The version lies in the repository, whole."""

    copy: Copy


class BackupFailed(Event, frozen=True, kw_only=True, tag="backup.failed"):
    """There is no such version and there will be none; nothing of it was kept."""

    reason: str


class BackupAdopted(Event, frozen=True, kw_only=True, tag="backup.adopted"):
    """The version was found in the repository; this log had not known of it.

    Without a `copy` it cannot say what it is.
    """

    label: str
    copy: Copy | None


class BackupLabelled(Event, frozen=True, kw_only=True, tag="backup.labelled"):
    """The version is called otherwise."""

    label: str


class BackupVerificationStarted(
    Event, frozen=True, kw_only=True, tag="backup.verification_started"
):
    """Somebody wants to know whether the version is sound."""

    runner: str


class BackupVerified(Event, frozen=True, kw_only=True, tag="backup.verified"):
    """The version was restored into a scratch database, and says what the log said."""

    events: int
    position: int
    streams: int


class BackupFoundDamaged(Event, frozen=True, kw_only=True, tag="backup.found_damaged"):
    """The version is not what it was, or not what the log says; `faults` tells where."""

    faults: tuple[str, ...]


class BackupVerificationFailed(Event, frozen=True, kw_only=True, tag="backup.verification_failed"):
    """Whether the version is sound could not be found out."""

    reason: str


class BackupDeleted(Event, frozen=True, kw_only=True, tag="backup.deleted"):
    """Somebody wanted the version gone."""


class BackupPruned(Event, frozen=True, kw_only=True, tag="backup.pruned"):
    """The retention policy did not keep the version."""


BackupEvent = (
    BackupStarted
    | BackupCompleted
    | BackupFailed
    | BackupAdopted
    | BackupLabelled
    | BackupVerificationStarted
    | BackupVerified
    | BackupFoundDamaged
    | BackupVerificationFailed
    | BackupDeleted
    | BackupPruned
)
