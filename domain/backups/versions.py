"""A version of the backup: its state, and what it answers to commands."""

from typing import assert_never

import msgspec

from domain.backups.commands import (
    AdoptBackup,
    BackupCommand,
    CompleteBackup,
    DeleteBackup,
    FailBackup,
    FailVerification,
    LabelBackup,
    PassVerification,
    PruneBackup,
    ReportDamage,
    StartBackup,
    StartVerification,
)
from domain.backups.events import (
    WORKER,
    BackupAdopted,
    BackupCompleted,
    BackupDeleted,
    BackupEvent,
    BackupFailed,
    BackupFoundDamaged,
    BackupLabelled,
    BackupPruned,
    BackupStarted,
    BackupVerificationFailed,
    BackupVerificationStarted,
    BackupVerified,
    Copy,
)
from domain.decider import Decider
from domain.rejections import Conflict, NotFound


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
