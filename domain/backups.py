"""Backups: one version of the copy, from its start to its end.

What lies in the repository is the truth about a version's bytes, and the log is the truth about
what was decided and found out. A version that the log does not know (it was made after the moment
that the log was restored to) is adopted by the first command that names it.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.rejections import Conflict, NotFound

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


class StartBackup(Command, frozen=True, kw_only=True):
    """Make a version."""

    version: str
    label: str
    runner: str = WORKER
    scheduled: bool = False
    at: datetime


class CompleteBackup(Command, frozen=True, kw_only=True):
    """Record that the version lies in the repository."""

    version: str
    copy: Copy
    at: datetime


class FailBackup(Command, frozen=True, kw_only=True):
    """Record that the version could not be made."""

    version: str
    reason: str
    at: datetime


class AdoptBackup(Command, frozen=True, kw_only=True):
    """Take up a version that lies in the repository, if the log does not know it as whole."""

    version: str
    label: str
    copy: Copy | None
    at: datetime


class LabelBackup(Command, frozen=True, kw_only=True):
    """Call a version otherwise."""

    version: str
    label: str
    at: datetime


class StartVerification(Command, frozen=True, kw_only=True):
    """Find out whether a version is sound."""

    version: str
    runner: str = WORKER
    at: datetime


class PassVerification(Command, frozen=True, kw_only=True):
    """Record that the version is sound."""

    version: str
    events: int
    position: int
    streams: int
    at: datetime


class ReportDamage(Command, frozen=True, kw_only=True):
    """Record that the version is not sound."""

    version: str
    faults: tuple[str, ...]
    at: datetime


class FailVerification(Command, frozen=True, kw_only=True):
    """Record that nobody could find out."""

    version: str
    reason: str
    at: datetime


class DeleteBackup(Command, frozen=True, kw_only=True):
    """Let a version be gone, because somebody says so."""

    version: str
    at: datetime


class PruneBackup(Command, frozen=True, kw_only=True):
    """Let a version be gone, because the policy does not keep it."""

    version: str
    at: datetime


BackupCommand = (
    StartBackup
    | CompleteBackup
    | FailBackup
    | AdoptBackup
    | LabelBackup
    | StartVerification
    | PassVerification
    | ReportDamage
    | FailVerification
    | DeleteBackup
    | PruneBackup
)


class NoBackup(msgspec.Struct, frozen=True):
    """The log knows of no such version."""


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A version; `phase` is its public state, `verification` how the last look at it ended."""

    label: str
    phase: str
    runner: str = WORKER
    copy: Copy | None = None
    error: str | None = None
    verification: str | None = None
    verifier: str = WORKER
    faults: tuple[str, ...] = ()


RUNNING, COMPLETED, FAILED, DELETED = "running", "completed", "failed", "deleted"
PHASES = (RUNNING, COMPLETED, FAILED, DELETED)
VERIFYING, SOUND, DAMAGED, UNKNOWN = "running", "sound", "damaged", "failed"
VERDICTS = (VERIFYING, SOUND, DAMAGED, UNKNOWN)


class NoSuchBackup(NotFound):
    """There is no such version."""

    slug = "no-such-backup"
    title = "There is no such backup"


class BackupVersionTaken(Conflict):
    """The new version's id is in use."""

    slug = "backup-version-taken"
    title = "This backup exists"


class BackupNotCompleted(Conflict):
    """Only a version that was completed can be looked at, labelled or restored."""

    slug = "backup-not-completed"
    title = "This backup is not complete"


class BackupIsRunning(Conflict):
    """The version is being written."""

    slug = "backup-is-running"
    title = "This backup is still being made"


def decide(backup: NoBackup | Backup, command: BackupCommand) -> list[BackupEvent]:
    """Answer a command with the events it causes."""
    if isinstance(command, StartBackup):
        return _start(backup, command)
    if isinstance(command, AdoptBackup):
        return _adopt(backup, command)
    if isinstance(backup, NoBackup):
        raise NoSuchBackup
    match command:
        case CompleteBackup() | FailBackup():
            return _end(backup, command)
        case LabelBackup():
            return _label(backup, command)
        case StartVerification():
            return _start_verification(backup, command)
        case PassVerification() | ReportDamage() | FailVerification():
            return _end_verification(backup, command)
        case DeleteBackup() | PruneBackup():
            return _remove(backup, command)
        case _:
            assert_never(command)


def _start(backup: NoBackup | Backup, command: StartBackup) -> list[BackupEvent]:
    if isinstance(backup, Backup):
        raise BackupVersionTaken
    return [BackupStarted(label=command.label, runner=command.runner, scheduled=command.scheduled)]


def _adopt(backup: NoBackup | Backup, command: AdoptBackup) -> list[BackupEvent]:
    """A deleted version stays deleted: its files are on their way out."""
    if isinstance(backup, Backup) and backup.phase in (RUNNING, COMPLETED, DELETED):
        return []
    return [BackupAdopted(label=command.label, copy=command.copy)]


def _end(backup: Backup, command: CompleteBackup | FailBackup) -> list[BackupEvent]:
    if backup.phase != RUNNING:
        return []
    if isinstance(command, CompleteBackup):
        return [BackupCompleted(copy=command.copy)]
    return [BackupFailed(reason=command.reason)]


def _complete(backup: Backup) -> None:
    if backup.phase == DELETED:
        raise NoSuchBackup
    if backup.phase != COMPLETED:
        raise BackupNotCompleted(f"The backup is {backup.phase}.", state=backup.phase)


def _label(backup: Backup, command: LabelBackup) -> list[BackupEvent]:
    _complete(backup)
    return [] if backup.label == command.label else [BackupLabelled(label=command.label)]


def _start_verification(backup: Backup, command: StartVerification) -> list[BackupEvent]:
    _complete(backup)
    if backup.verification == VERIFYING:
        return []
    return [BackupVerificationStarted(runner=command.runner)]


def _end_verification(
    backup: Backup, command: PassVerification | ReportDamage | FailVerification
) -> list[BackupEvent]:
    if backup.phase != COMPLETED or backup.verification != VERIFYING:
        return []
    match command:
        case PassVerification():
            return [
                BackupVerified(
                    events=command.events, position=command.position, streams=command.streams
                )
            ]
        case ReportDamage():
            return [BackupFoundDamaged(faults=command.faults)]
        case FailVerification():
            return [BackupVerificationFailed(reason=command.reason)]


def _remove(backup: Backup, command: DeleteBackup | PruneBackup) -> list[BackupEvent]:
    if backup.phase == DELETED:
        return []
    if backup.phase == RUNNING:
        raise BackupIsRunning
    return [BackupDeleted() if isinstance(command, DeleteBackup) else BackupPruned()]


def evolve(backup: NoBackup | Backup, event: BackupEvent) -> NoBackup | Backup:
    """The version after an event."""
    match event:
        case BackupStarted():
            return Backup(label=event.label, phase=RUNNING, runner=event.runner)
        case BackupAdopted():
            return Backup(label=event.label, phase=COMPLETED, copy=event.copy)
    if isinstance(backup, NoBackup):
        return backup
    change = msgspec.structs.replace
    match event:
        case BackupCompleted():
            return change(backup, phase=COMPLETED, copy=event.copy)
        case BackupFailed():
            return change(backup, phase=FAILED, error=event.reason)
        case BackupLabelled():
            return change(backup, label=event.label)
        case BackupDeleted() | BackupPruned():
            return change(backup, phase=DELETED)
        case _:
            return _evolve_verification(backup, event)


def _evolve_verification(
    backup: Backup,
    event: BackupVerificationStarted
    | BackupVerified
    | BackupFoundDamaged
    | BackupVerificationFailed,
) -> Backup:
    change = msgspec.structs.replace
    match event:
        case BackupVerificationStarted():
            return change(backup, verification=VERIFYING, verifier=event.runner, faults=())
        case BackupVerified():
            return change(backup, verification=SOUND)
        case BackupFoundDamaged():
            return change(backup, verification=DAMAGED, faults=event.faults)
        case BackupVerificationFailed():
            return change(backup, verification=UNKNOWN, faults=(event.reason,))
        case _:
            assert_never(event)


BACKUP: Decider[NoBackup | Backup, BackupCommand, BackupEvent] = Decider(
    category="backup",
    events=BackupEvent,
    initial=NoBackup(),
    decide=decide,
    evolve=evolve,
    system=True,
)
