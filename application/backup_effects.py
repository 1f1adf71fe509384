"""What workers do about backups: dump them and verify them; `backup_tidying` has the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.backup_repository import Manifest, RepositoryFailed
from application.backup_tidying import PRUNE_BACKUPS, TIDY_BACKUP
from application.backups import (
    Backups,
    DumpFailed,
    Failed,
    Sound,
    Unsound,
    VerificationFailed,
    copy_of,
)
from application.effects import LOST, Broken, Due
from application.event_store import Outage
from application.reactions import Effect, Reaction
from application.unit import Unit
from domain.backups import (
    BACKUP,
    COMPLETED,
    RUNNING,
    VERIFYING,
    WORKER,
    Backup,
    BackupCompleted,
    BackupDeleted,
    BackupEvent,
    BackupLabelled,
    BackupPruned,
    BackupStarted,
    BackupVerificationStarted,
    CompleteBackup,
    FailBackup,
    FailVerification,
    PassVerification,
    ReportDamage,
)
from domain.recorded import Recorded
from domain.retries import RetryPolicy, backoff

RUN_BACKUP, VERIFY_BACKUP = "run-backup", "verify-backup"

PATIENCE = timedelta(days=7).total_seconds()
"""How long a dump or a verification may take; that its worker lives is seen by its lease."""
POLICY = RetryPolicy(max_attempts=5, base=2.0, cap=300.0)
_LONGEST_REASON = 1000


def react(recorded: Recorded[BackupEvent]) -> Sequence[Effect]:
    """What was asked of a worker is done by one; what was decided is brought to the repository."""
    match recorded.event:
        case BackupStarted(runner=runner) if runner == WORKER:
            return [Effect(kind=RUN_BACKUP)]
        case BackupVerificationStarted(runner=runner) if runner == WORKER:
            return [Effect(kind=VERIFY_BACKUP)]
        case BackupCompleted():
            return [Effect(kind=PRUNE_BACKUPS)]
        case BackupLabelled() | BackupDeleted() | BackupPruned():
            return [Effect(kind=TIDY_BACKUP)]
        case _:
            return []


REACTION = Reaction(
    name="backups",
    handles=(
        BackupStarted,
        BackupCompleted,
        BackupVerificationStarted,
        BackupLabelled,
        BackupDeleted,
        BackupPruned,
    ),
    react=react,
    from_start=True,
)


@dataclass(frozen=True)
class RunBackup:
    """Dumps a version, unless it is there."""

    backups: Backups

    source = BACKUP

    async def begin(self, unit: Unit, due: Due) -> Backup | None:
        """Go on while the version is wanted and attempts are left."""
        version = due.event.stream_id
        backup = await unit.load(BACKUP, version)
        if not isinstance(backup, Backup) or backup.phase != RUNNING:
            return None
        if due.previous == LOST and due.attempt > POLICY.max_attempts:
            reason = "the processes that made it were killed, one after the other"
            await unit.decide(
                BACKUP, version, FailBackup(version=version, reason=reason, at=due.at)
            )
            return None
        return backup

    def patience(self, _payload: Backup) -> float:
        """As long as a large log takes."""
        return PATIENCE

    async def carry_out(self, payload: Backup, due: Due) -> Manifest | Failed:
        """Dump; a version that an attempt before this one has published is taken as it is."""
        version = due.event.stream_id
        try:
            found = await self.backups.find(version)
            if isinstance(found, Manifest):
                return found
            return await self.backups.told(
                "backup",
                version,
                lambda tell: self.backups.dump(
                    version, payload.label, attempt=due.attempt, tell=tell
                ),
            )
        except RepositoryFailed as failed:
            return Failed(reason=failed.detail, lasting=failed.lasting)
        except DumpFailed as failed:
            return Failed(reason=str(failed), lasting=False)
        except Outage as outage:
            return Failed(reason=outage.detail, lasting=False)

    async def finish(
        self,
        unit: Unit,
        due: Due,
        _payload: Backup,
        result: Manifest | Failed | Broken,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Record the end: a version, or one clear failure when no attempt is left."""
        version = due.event.stream_id
        if isinstance(result, Manifest):
            completed = CompleteBackup(version=version, copy=copy_of(result), at=at)
            await unit.decide(BACKUP, version, completed)
            return None
        failed = _failed(result)
        if _may_try_again(failed, due):
            return at + timedelta(seconds=backoff(POLICY, due.attempt, chance))
        reason = failed.reason[:_LONGEST_REASON]
        await unit.decide(BACKUP, version, FailBackup(version=version, reason=reason, at=at))
        return None


@dataclass(frozen=True)
class VerifyBackup:
    """Finds out whether a version is sound."""

    backups: Backups

    source = BACKUP

    async def begin(self, unit: Unit, due: Due) -> Backup | None:
        """Go on while somebody waits for the verdict and attempts are left."""
        version = due.event.stream_id
        backup = await unit.load(BACKUP, version)
        if not isinstance(backup, Backup) or (backup.phase, backup.verification) != (
            COMPLETED,
            VERIFYING,
        ):
            return None
        if due.previous == LOST and due.attempt > POLICY.max_attempts:
            reason = "the processes that looked at it were killed, one after the other"
            failed = FailVerification(version=version, reason=reason, at=due.at)
            await unit.decide(BACKUP, version, failed)
            return None
        return backup

    def patience(self, _payload: Backup) -> float:
        """As long as a large log takes."""
        return PATIENCE

    async def carry_out(self, _payload: Backup, due: Due) -> Sound | Unsound | Failed:
        """Restore into a scratch database, and compare."""
        version = due.event.stream_id
        try:
            return await self.backups.told(
                "verify",
                version,
                lambda tell: self.backups.verify(version, attempt=due.attempt, tell=tell),
            )
        except RepositoryFailed as failed:
            return Failed(reason=failed.detail, lasting=failed.lasting)
        except VerificationFailed as failed:
            return Failed(reason=str(failed), lasting=True)
        except Outage as outage:
            return Failed(reason=outage.detail, lasting=False)

    async def finish(
        self,
        unit: Unit,
        due: Due,
        _payload: Backup,
        result: Sound | Unsound | Failed | Broken,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Record the verdict, or that there is none when no attempt is left."""
        version = due.event.stream_id
        if isinstance(result, Failed | Broken):
            failed = _failed(result)
            if _may_try_again(failed, due):
                return at + timedelta(seconds=backoff(POLICY, due.attempt, chance))
            result = failed
        await unit.decide(BACKUP, version, verdict(version, result, at))
        return None


def verdict(
    version: str, result: Sound | Unsound | Failed, at: datetime
) -> PassVerification | ReportDamage | FailVerification:
    """The command that records what was found out about a version."""
    match result:
        case Sound():
            return PassVerification(
                version=version,
                events=result.events,
                position=result.position,
                streams=result.streams,
                at=at,
            )
        case Unsound():
            return ReportDamage(version=version, faults=result.faults, at=at)
        case Failed():
            reason = result.reason[:_LONGEST_REASON]
            return FailVerification(version=version, reason=reason, at=at)


def _failed(result: Failed | Broken) -> Failed:
    if isinstance(result, Broken):
        return Failed(reason=f"the program is at fault ({result.error})", lasting=False)
    return result


def _may_try_again(failed: Failed, due: Due) -> bool:
    return not failed.lasting and due.attempt < POLICY.max_attempts
