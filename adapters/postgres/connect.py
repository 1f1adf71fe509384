"""Connections to Postgres as everything here wants them: one role each, exact JSON bytes, no JIT.

JSON travels as bytes in both directions and is never parsed on the way, because what the log keeps
must be what was written. A pooled connection is not reset on release (that is a round trip each
time): nobody here changes a session's settings, and asyncpg still rolls open transactions back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from application.endings import give_way
from application.event_store import Outage

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
    Acquired = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool
    Acquired = asyncpg.pool.PoolConnectionProxy

CONNECT_TIMEOUT = 5.0  # seconds
COMMAND_TIMEOUT = 30.0  # seconds; a read that takes longer is an outage

LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCatalogNameError,  # a restore gives the database's name to another one
)
"""What asyncpg raises when the server is not there, is going away, or cannot work."""


FENCED = "AN004"
"""The SQLSTATE of what the log refuses while a restore replaces it."""


def settings_of(role: str | None, name: str) -> dict[str, str]:
    """The session's settings, sent with the first packet: no round trip of their own."""
    settings = {"application_name": name, "jit": "off"}
    return settings if role is None else settings | {"role": role}


async def set_codecs(connection: Connection) -> None:
    """Let JSON pass as the bytes it is."""
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary"
    )


@asynccontextmanager
async def outages() -> AsyncIterator[None]:
    """Turn every way in which Postgres can be away into an `Outage`.

    Whoever was told to end meanwhile does: asyncpg raises the error of a connection that was lost,
    or could not be made, in place of the cancellation that came then.
    """
    try:
        yield
    except Exception as error:
        give_way(error)
        if isinstance(error, LOST) or getattr(error, "sqlstate", None) == FENCED:
            raise outage(error) from error
        raise


def outage(error: BaseException) -> Outage:
    """The outage that an error of the connection means; its text names no secret."""
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate == FENCED:
        return Outage("the log is being replaced by a restore", retry_after=2.0)
    return Outage(f"the log does not answer ({type(error).__name__})")


async def connect(url: str, *, role: str | None, name: str = "annals") -> Connection:
    """Open one connection as `role` (None: as the user of the URL).

    Raises:
        Outage: when there is no such server, it refuses, or does not answer in 5 s.
    """
    try:
        connection = await asyncpg.connect(
            url, timeout=CONNECT_TIMEOUT, server_settings=settings_of(role, name)
        )
        await set_codecs(connection)
    except asyncpg.InvalidParameterValueError as error:
        raise Outage(f"the database has no role {role}; run `annals migrate`") from error
    except (*LOST, asyncpg.PostgresError) as error:
        give_way(error)
        raise outage(error) from error
    return connection


async def _keep(_connection: Connection) -> None:
    """Nothing to reset: see the module's text."""


async def open_pool(
    url: str,
    *,
    role: str,
    min_size: int = 1,
    max_size: int = 8,
    name: str = "annals",
    on_connect: Callable[[Connection], Awaitable[None]] | None = None,
) -> Pool:
    """Open a pool whose connections all act as `role`; `on_connect` runs once on each.

    Raises:
        Outage: when the first `min_size` connections cannot be opened.
    """

    async def prepare(connection: Connection) -> None:
        await set_codecs(connection)
        if on_connect is not None:
            await on_connect(connection)

    async with outages():
        return await asyncpg.create_pool(
            url,
            min_size=min_size,
            max_size=max_size,
            init=prepare,
            reset=_keep,
            timeout=CONNECT_TIMEOUT,
            command_timeout=COMMAND_TIMEOUT,
            max_inactive_connection_lifetime=60.0,
            server_settings=settings_of(role, name),
        )


async def close(connection: Connection, *, within: float = 2.0) -> None:
    """Close a connection politely, and when that does not work, at once."""
    try:
        async with asyncio.timeout(within):
            await connection.close()
    except LOST as error:
        connection.terminate()
        give_way(error)
    except asyncio.CancelledError:
        connection.terminate()
        raise
