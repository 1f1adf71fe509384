"""Events of backups and restores, one of each type."""

from domain.backup_policy import BackupPolicySet, Schedule
from domain.backups import (
    BackupAdopted,
    BackupCompleted,
    BackupDeleted,
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
from domain.decider import Event
from domain.restores import (
    Parked,
    RestoreCompleted,
    RestoreFailed,
    RestoreOldDropped,
    RestoreParked,
    RestoreReleased,
    RestoreStarted,
)
from domain.retention import Retention
from tests.golden.examples.moment import AT

COPY = Copy(position=7, events=7, bytes=4711, digest="ab" * 32, schema_version=4)

EVENTS: list[Event] = [
    RestoreStarted(version="v1", base=8, position=9, tail=12, discard_later=False, reason="r"),
    RestoreFailed(step="load", error="e"),
    RestoreCompleted(
        version="v1",
        source="i1",
        base=8,
        position=9,
        replaced="i2",
        replaced_position=13,
        kept="annals_before_1",
        parked=1,
        asked_by="account/a1",
        asked_at=AT,
        reason="r",
    ),
    RestoreParked(items=(Parked(reaction="jobs", tenant="default", stream="job/j1", position=7),)),
    RestoreReleased(
        items=(Parked(reaction="jobs", tenant="default", stream="job/j1", position=7),)
    ),
    RestoreOldDropped(database="annals_before_1"),
    BackupStarted(label="before the move", runner="worker", scheduled=False),
    BackupCompleted(copy=COPY),
    BackupFailed(reason="No space left on device"),
    BackupAdopted(label="found", copy=None),
    BackupLabelled(label="after the move"),
    BackupVerificationStarted(runner="caller"),
    BackupVerified(events=7, position=7, streams=3),
    BackupFoundDamaged(faults=("events.copy.zst chunk 0 is damaged",)),
    BackupVerificationFailed(reason="the role annals may not make databases"),
    BackupDeleted(),
    BackupPruned(),
    BackupPolicySet(
        schedule=Schedule(cron="0 3 * * *", time_zone="Europe/Berlin"),
        retention=Retention(last=3, daily=7, weekly=4, monthly=12),
    ),
]
