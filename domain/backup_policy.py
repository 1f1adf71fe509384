"""When backups are made without being asked for, and how long they are kept: one policy for all."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event
from domain.retention import Retention
from domain.schedules import check

UTC = "UTC"


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A cron expression, by the wall clock of a time zone."""

    cron: str
    time_zone: str = UTC


class BackupPolicySet(Event, frozen=True, kw_only=True, tag="backup_policy.set"):
    """Backups are made by this schedule (None: by hand) and kept so long (None: for ever)."""

    schedule: Schedule | None
    retention: Retention | None


class SetBackupPolicy(Command, frozen=True, kw_only=True):
    """Say when backups are made and how long they are kept."""

    schedule: Schedule | None
    retention: Retention | None
    at: datetime


class BackupPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What holds; nothing, until somebody has said so."""

    schedule: Schedule | None = None
    retention: Retention | None = None

    @property
    def zone(self) -> str:
        """Whose calendar days, weeks and months are counted by."""
        return self.schedule.time_zone if self.schedule is not None else UTC


def decide(policy: BackupPolicy, command: SetBackupPolicy) -> list[BackupPolicySet]:
    """Answer a command with the events it causes.

    Raises:
        Invalid: when the schedule could not be followed.
    """
    match command:
        case SetBackupPolicy():
            return _set(policy, command)
        case _:
            assert_never(command)


def _set(policy: BackupPolicy, command: SetBackupPolicy) -> list[BackupPolicySet]:
    if command.schedule is not None:
        check(command.schedule.cron, command.schedule.time_zone, pointer="/schedule")
    if (command.schedule, command.retention) == (policy.schedule, policy.retention):
        return []
    return [BackupPolicySet(schedule=command.schedule, retention=command.retention)]


def evolve(_policy: BackupPolicy, event: BackupPolicySet) -> BackupPolicy:
    """The policy after an event."""
    return BackupPolicy(schedule=event.schedule, retention=event.retention)


BACKUP_POLICY: Decider[BackupPolicy, SetBackupPolicy, BackupPolicySet] = Decider(
    category="backup-policy",
    events=BackupPolicySet,
    initial=BackupPolicy(),
    decide=decide,
    evolve=evolve,
    system=True,
)
