"""What a scheduler does for backups: starts those that are due, and clears up after the dead.

Any number of schedulers may do it at once: a due version has one name, and everything else is the
same however often it is done.
"""

import asyncio
from datetime import timedelta

import structlog

from adapters.backups.scratch import LoadFailed, drop_database
from adapters.backups.verify import scratch_name, scratch_prefix
from adapters.platform import Platform
from adapters.postgres.connect import outages
from application.backup_commands import THE_POLICY
from application.backup_effects import verdict
from application.backup_repository import Manifest
from application.backup_schedule import last_due, version_at
from application.backups import Failed, copy_of
from application.context import Context
from application.event_store import ForeignIncarnation, Outage
from domain.backup_policy import BACKUP_POLICY
from domain.backups import (
    BACKUP,
    CALLER,
    RUNNING,
    VERIFYING,
    Backup,
    BackupVersionTaken,
    CompleteBackup,
    FailBackup,
    StartBackup,
)
from domain.recorded import SYSTEM_TENANT
from projections.backups import PROJECTION, BackupRow, find_busy, find_last_scheduled

EVERY = 5.0  # seconds between looks
SWEEP = 60  # looks between two sweeps
GRACE = timedelta(seconds=10)
"""How long a command at a terminal may take to note that it has begun."""
ACTOR = "scheduler"
_PATIENCE = 30.0  # seconds for one command

log = structlog.get_logger(__name__)


async def keep_backups(platform: Platform) -> None:
    """Keep the schedule and the house, for as long as it runs."""
    looks = 0
    while True:
        try:
            await start_due(platform)
            await end_lost(platform)
            if looks % SWEEP == 0:
                await sweep(platform)
            looks += 1
        except (Outage, ForeignIncarnation) as interruption:
            log.warning("backups_keeper_interrupted", error=str(interruption))
        await asyncio.sleep(EVERY)


async def start_due(platform: Platform) -> str | None:
    """Start the version that the schedule wants by now, if it does; gives its name."""
    policy = await platform.services.current.get(BACKUP_POLICY, THE_POLICY)
    if policy.schedule is None:
        return None
    async with platform.read_models.rows(PROJECTION, SYSTEM_TENANT) as rows:
        last = await find_last_scheduled(rows)
    now = platform.now()
    due = None if last is None else last_due(policy.schedule, last.since, now)
    if due is None:
        return None
    version = version_at(due, platform.store.incarnation)
    command = StartBackup(version=version, label="", scheduled=True, at=now)
    try:
        await platform.bus.execute(command, _context(platform))
    except BackupVersionTaken:
        return None  # another scheduler was faster, and the read model will say so
    log.info("backup_due", version=version, due=due.isoformat())
    return version


async def end_lost(platform: Platform) -> None:
    """Record the end of what a command at a terminal has begun, and was killed in."""
    for row in await _busy(platform):
        stream = (SYSTEM_TENANT, BACKUP.stream(row.version))
        backup = (await platform.pipeline.fold(BACKUP, stream)).state
        if isinstance(backup, Backup) and await _is_lost(platform, row, backup):
            await _end(platform, row.version, backup)


async def _is_lost(platform: Platform, row: BackupRow, backup: Backup) -> bool:
    by_hand = CALLER in (
        backup.runner if backup.phase == RUNNING else None,
        backup.verifier if backup.verification == VERIFYING else None,
    )
    if not by_hand or platform.now() - row.updated_at < GRACE:
        return False
    query = "SELECT until > clock_timestamp() FROM annals.leases WHERE name = $1"
    async with outages():
        return not await platform.readers.fetchval(query, f"backup/{row.version}")


async def _end(platform: Platform, version: str, backup: Backup) -> None:
    at, reason = platform.now(), "the command that worked on it was ended"
    found = await platform.services.backups.find(version)
    command: object
    if backup.phase != RUNNING:
        command = verdict(version, Failed(reason=reason, lasting=True), at)
    elif isinstance(found, Manifest):
        command = CompleteBackup(version=version, copy=copy_of(found), at=at)
    else:
        command = FailBackup(version=version, reason=reason, at=at)
    await platform.bus.execute(command, _context(platform))


async def sweep(platform: Platform) -> None:
    """Remove what killed processes have left in the repository and on the database's server."""
    busy = await _busy(platform)
    running = {row.version for row in busy if row.state == RUNNING}
    swept = await platform.services.backups.ask(lambda repository: repository.sweep(running))
    url = platform.settings.database_url
    looked_at = tuple(scratch_name(url, row.version) for row in busy)
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, $1)"
    async with outages():
        found = [row[0] for row in await platform.readers.fetch(query, scratch_prefix(url))]
    for name in found:
        if not name.startswith(looked_at):
            try:
                await drop_database(url, name)
            except LoadFailed as failed:
                log.warning("scratch_database_stays", name=name, reason=str(failed))
            else:
                swept.append(name)
    if swept:
        log.info("backups_swept", names=swept)


async def _busy(platform: Platform) -> list[BackupRow]:
    async with platform.read_models.rows(PROJECTION, SYSTEM_TENANT) as rows:
        return await find_busy(rows)


def _context(platform: Platform) -> Context:
    return Context(
        actor=ACTOR,
        correlation_id=platform.new_id(),
        deadline=asyncio.get_running_loop().time() + _PATIENCE,
    )
