"""What schedulers do for backups, two of them at once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.backups.keeper import end_lost, start_due, sweep
from adapters.bootstrap import open_platform
from adapters.platform import Platform
from adapters.postgres.leases import PostgresLeases
from application.context import Context
from domain.backup_policy import Schedule, SetBackupPolicy
from domain.backups import BACKUP, CALLER, FAILED, RUNNING, Backup, StartBackup
from domain.recorded import SYSTEM_TENANT
from tests.support.backups import new_version, published
from tests.support.commands import Installation

HOURLY = Schedule(cron="0 * * * *")
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class House:
    """An installation, and schedulers that look at its clock."""

    installation: Installation
    redis_url: str

    @asynccontextmanager
    async def scheduler(self, now: Callable[[], datetime]) -> AsyncIterator[Platform]:
        settings = msgspec.structs.replace(self.installation.settings, redis_url=self.redis_url)
        async with open_platform(settings, clock=now) as platform:
            yield platform

    async def caught_up(self) -> None:
        await asyncio.to_thread(self.installation.caught_up)


@pytest.fixture
def house(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[House]:
    installation = Installation(database_url, tmp_path / "data")
    yield House(installation, redis_url)
    installation.close()


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


async def execute(platform: Platform, command: object) -> Any:
    context = Context(
        actor="account/ada",
        correlation_id=platform.new_id(),
        deadline=asyncio.get_running_loop().time() + 30,
    )
    return await platform.bus.execute(command, context)


async def phase(platform: Platform, version: str) -> Backup:
    stream = (SYSTEM_TENANT, BACKUP.stream(version))
    state = (await platform.pipeline.fold(BACKUP, stream)).state
    assert isinstance(state, Backup)
    return state


async def test_what_is_due_is_started_once_by_two_schedulers(house: House) -> None:
    later = datetime.now(UTC) + 3 * HOUR
    async with house.scheduler(at(later)) as one, house.scheduler(at(later)) as other:
        command = SetBackupPolicy(schedule=HOURLY, retention=None, at=later)
        await execute(one, command)
        await house.caught_up()
        started = await asyncio.gather(start_due(one), start_due(other))
        [version] = [each for each in started if each is not None]
        assert (await phase(one, version)).phase == RUNNING


async def test_nothing_is_due_before_its_time_or_without_a_schedule(house: House) -> None:
    now = datetime.now(UTC)
    async with house.scheduler(at(now)) as scheduler:
        assert await start_due(scheduler) is None
        daily = Schedule(cron=f"{now.minute} {(now - HOUR).hour} * * *")
        await execute(scheduler, SetBackupPolicy(schedule=daily, retention=None, at=now))
        await house.caught_up()
        assert await start_due(scheduler) is None


async def test_a_command_that_shows_no_life_has_failed(house: House) -> None:
    version = new_version()
    start = StartBackup(version=version, label="", runner=CALLER, at=datetime.now(UTC))
    leases = await PostgresLeases.open(house.installation.settings.database_url)
    later = datetime.now(UTC) + HOUR
    async with house.scheduler(at(later)) as scheduler:
        await execute(scheduler, start)
        await house.caught_up()
        await leases.note(f"backup/{version}", later)
        await end_lost(scheduler)
        assert (await phase(scheduler, version)).phase == RUNNING
        await leases.forget(f"backup/{version}")
        await end_lost(scheduler)
        assert (await phase(scheduler, version)).phase == FAILED
        await end_lost(scheduler)
    await leases.aclose()


async def test_a_command_that_died_behind_its_last_file_has_succeeded(house: House) -> None:
    start = StartBackup(version=new_version(), label="", runner=CALLER, at=datetime.now(UTC))
    async with house.scheduler(at(datetime.now(UTC) + HOUR)) as scheduler:
        published(scheduler.services.backups.repository, start.version)
        await execute(scheduler, start)
        await house.caught_up()
        await end_lost(scheduler)
        backup = await phase(scheduler, start.version)
        assert backup.copy is not None
        assert backup.copy.events == 40


async def test_what_dead_writers_left_is_swept_and_what_the_living_write_is_not(
    house: House,
) -> None:
    root = house.installation.settings.backup_dir
    alive = StartBackup(version=new_version(), label="", at=datetime.now(UTC))
    async with house.scheduler(lambda: datetime.now(UTC)) as scheduler:
        await execute(scheduler, alive)
        await house.caught_up()
        for version in (alive.version, new_version()):
            (root / "incoming" / f"{version}.1").mkdir(parents=True)
        await sweep(scheduler)
    assert [each.name for each in (root / "incoming").iterdir()] == [f"{alive.version}.1"]
