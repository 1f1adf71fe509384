"""What is asked for about a version of the backup."""

from datetime import datetime

from domain.backups.events import WORKER, Copy
from domain.decider import Command


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
