"""What workers do behind decisions about backups: files follow, and old versions go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.backup_commands import THE_POLICY, prune, whole_versions
from application.backup_repository import Manifest, NoSuchVersion
from application.backups import Backups, Failed
from application.effects import Broken, Due
from application.event_store import Outage
from application.unit import Unit
from domain.backup_policy import BACKUP_POLICY, BackupPolicy
from domain.backups import BACKUP, DELETED, Backup
from domain.retries import RetryPolicy, backoff

PRUNE_BACKUPS, TIDY_BACKUP = "prune-backups", "tidy-backup"

TIDYING = RetryPolicy(base=2.0, cap=3600.0)


@dataclass(frozen=True)
class PruneAfterBackup:
    """Lets go of what the policy does not keep, now that there is one version more."""

    backups: Backups

    source = BACKUP

    async def begin(self, unit: Unit, _due: Due) -> BackupPolicy | None:
        """Nothing goes without a policy."""
        policy = await unit.load(BACKUP_POLICY, THE_POLICY)
        return None if policy.retention is None else policy

    def patience(self, _payload: BackupPolicy) -> float:
        """As long as it takes to read every manifest."""
        return 300.0

    async def carry_out(self, _payload: BackupPolicy, _due: Due) -> Mapping[str, Manifest] | Failed:
        """Look at what there is; this changes nothing yet."""
        try:
            return await whole_versions(self.backups)
        except Outage as outage:
            return Failed(reason=outage.detail, lasting=False)

    async def finish(
        self,
        unit: Unit,
        due: Due,
        _payload: BackupPolicy,
        result: Mapping[str, Manifest] | Failed | Broken,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Decide by the policy as it is now; the files follow from the events."""
        if isinstance(result, Failed | Broken):
            return at + timedelta(seconds=backoff(TIDYING, due.attempt, chance))
        await prune(unit, result, at)
        return None


@dataclass(frozen=True)
class TidyBackup:
    """Makes a version in the repository as the log says: gone, or of another label."""

    backups: Backups

    source = BACKUP

    async def begin(self, unit: Unit, due: Due) -> Backup | None:
        """What the log says now, whichever event asked for it."""
        backup = await unit.load(BACKUP, due.event.stream_id)
        return backup if isinstance(backup, Backup) else None

    def patience(self, _payload: Backup) -> float:
        """As long as gigabytes take to be removed."""
        return 300.0

    async def carry_out(self, payload: Backup, due: Due) -> Failed | None:
        """Remove or relabel; None: it is so."""
        try:
            await tidy(self.backups, due.event.stream_id, payload)
        except Outage as outage:
            return Failed(reason=outage.detail, lasting=False)
        return None

    async def finish(
        self,
        _unit: Unit,
        due: Due,
        _payload: Backup,
        result: Failed | Broken | None,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Try again until it is so."""
        if result is None:
            return None
        return at + timedelta(seconds=backoff(TIDYING, due.attempt, chance))


async def tidy(backups: Backups, version: str, backup: Backup) -> None:
    """Make a version in the repository as the log says. Raises `Outage`."""
    if backup.phase == DELETED:
        await backups.ask(lambda repository: repository.delete(version))
        return
    found = await backups.find(version)
    if isinstance(found, Manifest) and found.label != backup.label:
        try:
            await backups.ask(lambda repository: repository.label(version, backup.label))
        except NoSuchVersion:
            return  # it was removed meanwhile
