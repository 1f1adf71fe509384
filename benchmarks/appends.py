"""Conditional appends beside plain INSERTs on the same database, and beside an old snapshot.

One append is one command: one event of 150 bytes of data and 150 of metadata, to a stream of the
client's own, at the version that the client expects. The plain INSERTs write the same columns, with
the same two indexes, prepared and one transaction each over up to 64 connections, but in no gapless
order. Clients, store and connections live in one process beside the server.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import msgspec

from adapters.postgres.connect import connect
from adapters.postgres.event_store import PostgresEventStore, opened
from adapters.postgres.migrations import migrate
from application.event_store import Append, NewEvent, Stored, Write
from benchmarks.load import Figure, Operation, loaded, middle
from benchmarks.snapshots import held_snapshot

CLIENTS = (1, 16, 64, 256)
CONNECTIONS = 64

_DATA = b'{"text":"' + b"x" * 139 + b'"}'
_META = b'{"text":"' + b"y" * 139 + b'"}'
_PLAIN_TABLE = """
    DROP TABLE IF EXISTS public.plain;
    CREATE TABLE public.plain (LIKE annals.events);
    ALTER TABLE public.plain DROP COLUMN log_id;
    ALTER TABLE public.plain ALTER position ADD GENERATED ALWAYS AS IDENTITY;
    ALTER TABLE public.plain ADD PRIMARY KEY (position), ADD UNIQUE (tenant, stream, version);
"""
_PLAIN = """
    INSERT INTO public.plain (tenant, stream, version, event_id, type, schema_version, data,
        recorded_at, actor, correlation_id, causation_id, meta)
    VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), $8, $9, $10, $11)
"""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """So many clients: medians over the rounds."""

    clients: int
    append: Figure
    plain: Figure
    snapshot: Figure
    """Appends beside an old snapshot."""


async def measure(url: str, *, rounds: int = 3, seconds: float = 1.5) -> list[Compared]:
    """Alternate the three, for each number of clients, on an empty database."""
    await migrate(url)
    connection = await connect(url, role=None)
    await connection.execute(_PLAIN_TABLE)
    await connection.close()
    return [await _compared(url, clients, rounds, seconds) for clients in CLIENTS]


async def _compared(url: str, clients: int, rounds: int, seconds: float) -> Compared:
    append, plain, snapshot = [], [], []
    async with opened(url) as store, _inserting(url, min(clients, CONNECTIONS)) as insert:
        await loaded(clients, appending(store), seconds / 5)
        for _ in range(rounds):
            append.append(await loaded(clients, appending(store), seconds))
            plain.append(await loaded(clients, insert, seconds))
            async with held_snapshot(url):
                snapshot.append(await loaded(clients, appending(store), seconds))
    return Compared(
        clients=clients, append=middle(append), plain=middle(plain), snapshot=middle(snapshot)
    )


def appending(store: PostgresEventStore) -> Operation:
    """Appends to streams that no run before has used."""
    run = uuid4().hex

    async def append(client: int, turn: int) -> None:
        event = NewEvent(
            id=uuid4(),
            type="thing.happened",
            schema_version=1,
            data=_DATA,
            actor="account/1",
            correlation_id=UUID(int=client),
            meta=_META,
        )
        stream = f"bench/{run}-{client}"
        write = Write(tenant="default", stream=stream, expected=turn, events=(event,))
        outcome = await store.append(Append(writes=(write,)))
        assert isinstance(outcome, Stored)

    return append


@asynccontextmanager
async def _inserting(url: str, connections: int) -> AsyncIterator[Operation]:
    """Plain INSERTs over some connections; clients beyond that share them."""
    idle: asyncio.Queue[Any] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        for _ in range(connections):
            connection = await connect(url, role=None)
            stack.push_async_callback(connection.close)
            idle.put_nowait(await connection.prepare(_PLAIN))

        async def insert(client: int, turn: int) -> None:
            statement = await idle.get()
            try:
                await statement.fetch(
                    "default",
                    f"bench/{uuid4().hex}-{client}",
                    turn + 1,
                    uuid4(),
                    "thing.happened",
                    1,
                    _DATA,
                    "account/1",
                    UUID(int=client),
                    None,
                    _META,
                )
            finally:
                idle.put_nowait(statement)

        yield insert
