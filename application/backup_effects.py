"""What workers do about backups: dump, verify, and make the repository as the log says it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from application.backup_commands import THE_POLICY, prune, whole_versions
from application.backup_repository import Manifest, NoSuchVersion, RepositoryFailed
from application.backups import (
    Backups,
    DumpFailed,
    Sound,
    Unsound,
    VerificationFailed,
    copy_of,
)
from application.effects import LOST, Broken, Due
from application.event_store import Outage
from application.reactions import Effect, Reaction
from application.unit import Unit
from domain.backup_policy import BACKUP_POLICY, BackupPolicy
from domain.backups import (
    BACKUP,
    COMPLETED,
    DELETED,
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
PRUNE_BACKUPS, TIDY_BACKUP = "prune-backups", "tidy-backup"

PATIENCE = timedelta(days=7).total_seconds()
"""How long a dump or a verification may take; that its worker lives is seen by its lease."""
POLICY = RetryPolicy(max_attempts=5, base=2.0, cap=300.0)
TIDYING = RetryPolicy(base=2.0, cap=3600.0)
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


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """It did not work; `lasting`: nor would it at once."""

    reason: str
    lasting: bool


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


def _failed(result: Failed | Broken) -> Failed:
    if isinstance(result, Broken):
        return Failed(reason=f"the program is at fault ({result.error})", lasting=False)
    return result


def _may_try_again(failed: Failed, due: Due) -> bool:
    return not failed.lasting and due.attempt < POLICY.max_attempts
