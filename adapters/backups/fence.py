"""The fence: closes a log, so that its end is its end, and opens it again.

It is set under the lock that every append takes first, and `annals.append` reads it under that
lock. So whatever was acknowledged lies at or before the tail that `close_log` gives, and what comes
later is refused until the log is opened again, or another one has taken its place.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec

from adapters.postgres.connect import Connection, close, connect, outages

_APPEND_LOCK = 1095650892
"""The first key of the advisory lock that `annals.append` takes; the second is the log."""

_CLOSE = """
    UPDATE annals.logs SET fence = $2
    WHERE log_id = $1 AND (fence IS NULL OR fence = $2) RETURNING incarnation
"""
_OPEN = "UPDATE annals.logs SET fence = NULL WHERE log_id = $1 AND fence = $2"
_END = "SELECT coalesce(max(position), 0) FROM annals.events WHERE log_id = $1"


class ClosedByAnother(Exception):  # noqa: N818 - a fact
    """Another restore has closed the log."""


class LogEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Which log, and its last position."""

    incarnation: UUID
    position: int


@asynccontextmanager
async def as_owner(url: str, name: str = "annals restore") -> AsyncIterator[Connection]:
    """A connection that may do everything in the log's schema.

    Raises:
        Outage: when the server does not answer, there or later.
    """
    connection = await connect(url, role="annals_owner", name=name)
    try:
        async with outages():
            yield connection
    finally:
        await close(connection)


async def close_log(url: str, restore: str, *, log_id: int = 1) -> LogEnd:
    """Let nothing more into the log; gives where it ends. Safe to repeat.

    Raises:
        ClosedByAnother: when another restore has closed it.
        Outage: when the log does not answer.
    """
    async with as_owner(url) as connection, connection.transaction():
        return await closing(connection, restore, log_id=log_id)


async def closing(connection: Connection, restore: str, *, log_id: int = 1) -> LogEnd:
    """Close the log when the open transaction commits, which nothing overtakes.

    Raises:
        ClosedByAnother: when another restore has closed it.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", _APPEND_LOCK, log_id)
    incarnation = await connection.fetchval(_CLOSE, log_id, restore)
    if incarnation is None:
        raise ClosedByAnother
    position = await connection.fetchval(_END, log_id)
    return LogEnd(incarnation=incarnation, position=position)


async def open_log(url: str, restore: str, *, log_id: int = 1) -> None:
    """Let appends in again, if it was this restore that has closed the log.

    Raises:
        Outage: when the log does not answer.
    """
    async with as_owner(url) as connection:
        await connection.execute(_OPEN, log_id, restore)
