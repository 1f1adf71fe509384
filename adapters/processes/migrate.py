"""Brings a database to what this program needs: the write side's schema, and tables to read."""

import msgspec

from adapters.capabilities import PROJECTIONS
from adapters.postgres.connect import close, connect, outages
from adapters.postgres.generations import prepare
from adapters.postgres.migrations import migrate


class Migrated(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: the migrations applied, and the builds of read models begun."""

    migrations: list[str]
    builds: list[str]


async def run(url: str) -> Migrated:
    """Do what is missing; safe to repeat and to run twice at once.

    The projector fills new builds while older processes serve from their own.

    Raises:
        Outage: when the database does not answer.
        SchemaTooNew: when it belongs to a newer program.
    """
    applied = await migrate(url)
    connection = await connect(url, role="annals_owner", name="annals migrate")
    try:
        async with outages():
            made = await prepare(connection, PROJECTIONS)
    finally:
        await close(connection)
    return Migrated(
        migrations=[each.name for each in applied],
        builds=[f"{each.projection} {each.number}" for each in made],
    )
