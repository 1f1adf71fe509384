"""An old snapshot, held open as a running dump does: no dead row can be removed meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.postgres.connect import connect


@asynccontextmanager
async def held_snapshot(url: str) -> AsyncIterator[None]:
    connection = await connect(url, role=None)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await connection.fetchval("SELECT count(*) FROM annals.events")
        yield
        await connection.execute("ROLLBACK")
    finally:
        await connection.close()
