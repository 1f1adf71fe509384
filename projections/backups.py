"""Backups as the log knows them, newest first; who lists them adds what the repository has."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from domain.backup_policy import BackupPolicySet
from domain.backups import (
    COMPLETED,
    DAMAGED,
    DELETED,
    FAILED,
    RUNNING,
    SOUND,
    UNKNOWN,
    VERIFYING,
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
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    BOOLEAN,
    JSON,
    TEXT,
    TEXTS,
    TIME,
    Operation,
    Table,
    defaulted,
    nullable,
    patch,
    put,
)

BACKUPS = Table(
    "backups",
    key={"version": TEXT},
    columns={
        "label": TEXT,
        "state": TEXT,
        "runner": TEXT,
        "scheduled": defaulted(BOOLEAN, default=False),
        "copy": nullable(JSON),
        "error": nullable(TEXT),
        "verification": nullable(TEXT),
        "faults": defaulted(TEXTS, ()),
        "started_at": TIME,
        "updated_at": TIME,
        "verified_at": nullable(TIME),
        "revision": BIGINT,
    },
    indexes=(("state",), ("scheduled", "started_at")),
)
POLICIES = Table("policies", key={"id": TEXT}, columns={"set_at": TIME})


def project(recorded: Recorded[BackupEvent | BackupPolicySet]) -> Iterable[Operation]:
    """How an event changes the rows."""
    version, event, at = recorded.stream_id, recorded.event, recorded.recorded_at
    told: dict[str, Any] = {"updated_at": at, "revision": recorded.version}
    match event:
        case BackupPolicySet():
            yield put(POLICIES, version, {"set_at": at})
        case BackupStarted():
            told |= {"label": event.label, "state": RUNNING, "runner": event.runner}
            yield put(BACKUPS, version, {**told, "scheduled": event.scheduled, "started_at": at})
        case BackupAdopted():
            told |= {"label": event.label, "state": COMPLETED, "copy": event.copy}
            yield put(BACKUPS, version, {**told, "runner": "", "started_at": at})
        case BackupCompleted():
            yield patch(BACKUPS, version, {**told, "state": COMPLETED, "copy": event.copy})
        case BackupFailed():
            yield patch(BACKUPS, version, {**told, "state": FAILED, "error": event.reason})
        case BackupLabelled():
            yield patch(BACKUPS, version, {**told, "label": event.label})
        case BackupDeleted() | BackupPruned():
            yield patch(BACKUPS, version, {**told, "state": DELETED})
        case _:
            yield patch(BACKUPS, version, {**told, **_verification(event, at)})


def _verification(event: BackupEvent, at: datetime) -> dict[str, Any]:
    match event:
        case BackupVerificationStarted():
            return {"verification": VERIFYING, "faults": ()}
        case BackupVerified():
            return {"verification": SOUND, "verified_at": at}
        case BackupFoundDamaged():
            return {"verification": DAMAGED, "verified_at": at, "faults": event.faults}
        case BackupVerificationFailed():
            return {"verification": UNKNOWN, "faults": (event.reason,)}
        case _:
            return {}


PROJECTION = Projection(
    name="backups",
    version=1,
    tables=(BACKUPS, POLICIES),
    handles=(
        BackupStarted,
        BackupCompleted,
        BackupFailed,
        BackupAdopted,
        BackupLabelled,
        BackupVerificationStarted,
        BackupVerified,
        BackupFoundDamaged,
        BackupVerificationFailed,
        BackupDeleted,
        BackupPruned,
        BackupPolicySet,
    ),
    project=project,
)


class BackupRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version as the log knows it; `revision` is its stream's version."""

    version: str
    label: str
    state: str
    runner: str
    copy: Copy | None
    error: str | None
    verification: str | None
    faults: list[str]
    started_at: datetime
    updated_at: datetime
    verified_at: datetime | None
    revision: int


class LastScheduled(msgspec.Struct, frozen=True, kw_only=True):
    """Since when the schedule waits: its newest backup, or else when it was set."""

    since: datetime


_COLUMNS = (
    "version, label, state, runner, copy, error, verification, faults, started_at, updated_at,"
    " verified_at, revision"
)


async def find_backups(
    rows: Rows, *, before: str | None = None, limit: int = 50
) -> list[BackupRow]:
    """Versions before another one, newest first, also those that were let go."""
    sql = f"""
        SELECT {_COLUMNS} FROM {{backups}} WHERE $1::text IS NULL OR version < $1
        ORDER BY version DESC LIMIT $2
    """  # noqa: S608 - constants
    return await rows.find(BackupRow, sql, before, limit)


async def find_these(rows: Rows, versions: Sequence[str]) -> list[BackupRow]:
    """These versions, as far as the log knows them."""
    sql = f"SELECT {_COLUMNS} FROM {{backups}} WHERE version = ANY ($1::text[])"  # noqa: S608 - as above
    return await rows.find(BackupRow, sql, list(versions))


async def find_busy(rows: Rows) -> list[BackupRow]:
    """Versions that are being made or looked at."""
    sql = f"""
        SELECT {_COLUMNS} FROM {{backups}}
        WHERE state = $1 OR verification = $2 ORDER BY version
    """  # noqa: S608 - constants
    return await rows.find(BackupRow, sql, RUNNING, VERIFYING)


async def find_last_scheduled(rows: Rows) -> LastScheduled | None:
    """Since when the schedule waits; None while there is no policy."""
    sql = """
        SELECT greatest(p.set_at, (
            SELECT max(started_at) FROM {backups} WHERE scheduled
        )) AS since FROM {policies} p
    """
    return await rows.find_one(LastScheduled, sql)
