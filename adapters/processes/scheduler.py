"""The scheduler: what must happen now and then, whoever asks. Safe to run twice."""

import asyncio
from collections.abc import Sequence

import structlog

from adapters.bootstrap import open_platform
from adapters.capabilities import CHORES, REACTIONS
from adapters.platform import Platform
from adapters.postgres.connect import outages
from adapters.postgres.partitions import PartitionKeeper
from adapters.postgres.reactor import follower_name
from adapters.postgres.status import status
from adapters.processes.effects import opened_broker, opened_register
from adapters.processes.life import signals, until_stopped
from adapters.settings import Settings
from application.event_store import ForeignIncarnation, Outage, StoredEvent
from application.sessions import session_changes
from application.sweep import Sweep
from application.tail import Lagged

MAINTENANCE = 600.0  # seconds between looks at the partitions
LAG = 5.0  # seconds between measurements of how far behind followers are
PAUSE = 1.0  # seconds before a broken follower goes on

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> None:
    """Keep house until told to stop.

    Raises:
        Broken: when it should be started anew.
    """
    async with (
        signals() as stop,
        open_platform(settings) as platform,
        opened_register(platform) as register,
    ):
        with opened_broker(platform) as (_, sender):
            sweep = Sweep(
                register,
                sender,
                [each.name for each in REACTIONS],
                now=platform.now,
            )
            platform.follow_log()
            platform.background.start("read models", platform.read_models.run())
            platform.background.start("sweep", sweep.run())
            platform.background.start("partitions", _maintain(settings.database_url))
            platform.background.start("lag", _watch_lag(platform))
            platform.background.start("sessions", _follow_sessions(platform))
            for name, chore in CHORES.items():
                platform.background.start(name, chore(platform))
            try:
                await until_stopped(stop, platform.background, settings.alive_file)
            finally:
                await platform.background.stop()


async def _maintain(url: str) -> None:
    """Make partitions ahead and remove those that are done with."""
    keeper = PartitionKeeper(url, reactions=[follower_name(each) for each in REACTIONS])
    while True:
        try:
            await keeper.maintain()
        except Outage as outage:
            log.warning("maintenance_interrupted", detail=outage.detail)
        await asyncio.sleep(MAINTENANCE)


async def _watch_lag(platform: Platform) -> None:
    """Measure how far behind the log each read model and reaction is."""
    metrics = platform.metrics
    while True:
        try:
            async with outages(), platform.readers.acquire() as connection:
                followers = await status(connection)
        except Outage as outage:
            log.warning("lag_not_measured", detail=outage.detail)
            followers = []
        for each in followers:
            name = f"{each.name}@{each.generation}"
            metrics.events_behind.labels(name).set(each.events_behind)
            metrics.seconds_behind.labels(name).set(each.seconds_behind)
        await asyncio.sleep(LAG)


async def _follow_sessions(platform: Platform) -> None:
    """Bring to Redis what the log says about sessions.

    Whoever signs in or out has told Redis already; this makes up for who could not.
    """
    await platform.tail.started()
    position = platform.tail.position
    while True:
        try:
            position = await platform.sessions.applied() or position
            async for page in platform.tail.follow(position):
                await _apply(platform, page)
                position = page[-1].position
        except (Outage, ForeignIncarnation, Lagged) as interruption:
            log.warning("sessions_follower_interrupted", error=type(interruption).__name__)
            await asyncio.sleep(PAUSE)


async def _apply(platform: Platform, page: Sequence[StoredEvent]) -> None:
    changes = await session_changes(page, platform.codec)
    await platform.sessions.follow(changes, page[-1].position)
