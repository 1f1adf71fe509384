"""What must be so before a process can work, and what to tell a person when it is not."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from adapters.crypto.master import BadMasterKey
from adapters.owner import ensure_owner
from adapters.postgres.connect import close, connect
from adapters.postgres.migrations import (
    MigrationChanged,
    SchemaTooNew,
    SchemaTooOld,
    check_schema,
)
from adapters.processes.migrate import run as bring_up_to_date
from adapters.settings import Settings
from adapters.startup import CannotStart, place_of
from application.event_store import Outage

log = structlog.get_logger(__name__)


async def set_up(settings: Settings) -> None:
    """Migrate the database, begin missing read models, and make the owner where there is none."""
    done = await bring_up_to_date(settings.database_url)
    for migration in done.migrations:
        log.info("migration_applied", name=migration)
    for build in done.builds:
        log.info("read_model_begun", build=build)
    if await ensure_owner(settings):
        log.info("owner_made", key_file=str(settings.owner_key_file))


async def check(settings: Settings) -> None:
    """Make sure that the database answers and has this program's schema.

    Raises:
        Outage, SchemaTooOld, SchemaTooNew, MigrationChanged: when it does not.
    """
    connection = await connect(settings.database_url, role=None, name="annals check")
    try:
        await check_schema(connection)
    finally:
        await close(connection)


@contextmanager
def told(settings: Settings) -> Iterator[None]:
    """Turn what an operator must put right into one line.

    Raises:
        CannotStart: with that line.
    """
    try:
        yield
    except Outage as outage:
        place = place_of(settings.database_url)
        raise CannotStart(f"the database at {place} cannot be used: {outage.detail}") from outage
    except (SchemaTooOld, SchemaTooNew, MigrationChanged, BadMasterKey) as error:
        raise CannotStart(str(error)) from error
