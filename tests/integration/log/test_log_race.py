"""Many writers, slow and failing commits, killed connections and a reader that follows live."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from adapters.postgres.connect import Connection, connect
from adapters.postgres.event_store import PostgresEventStore, opened
from application.event_store import Stored, StoredEvent, VersionMismatch
from tests.support.log_items import TENANT, append
from tests.support.log_writer import PATIENT, POISON, Told, contend

WRITERS, CLIENTS, APPENDS, STREAMS = 8, 4, 15, 6
KILL_EVERY = 40  # events

_SLOW_AND_PICKY = f"""
    CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON annals.events DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.position % 23 = 0) EXECUTE FUNCTION public.slow();
    CREATE FUNCTION public.picky() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'poison' USING ERRCODE = '23000'; END $$;
    CREATE CONSTRAINT TRIGGER picky AFTER INSERT ON annals.events DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.type = '{POISON}') EXECUTE FUNCTION public.picky();
"""
_KILL_ONE = """
    SELECT pg_terminate_backend(pid) FROM (
        SELECT pid FROM pg_stat_activity
        WHERE application_name = 'annals appender' AND datname = current_database()
        ORDER BY random() LIMIT 1
    ) AS one
"""


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url, role=None)
    yield connection
    await connection.close()


async def follow(
    store: PostgresEventStore, admin: Connection, seen: list[StoredEvent], stop: asyncio.Event
) -> int:
    """Read on from the last position, as often as possible, until stopped at the tail.

    With every stretch of events that comes by, one appender's backend is terminated, whatever it is
    doing; gives how many were.
    """
    killed = 0
    while True:
        stopped = stop.is_set()
        page = await store.read_log(after=len(seen), limit=50)
        seen += page
        if stopped and not page:
            return killed
        if len(seen) > KILL_EVERY * (killed + 1):
            killed += len(await admin.fetch(_KILL_ONE))


async def write_elsewhere(url: str) -> list[Told]:
    """The same load from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.log_writer", url, "elsewhere",
        str(STREAMS), str(CLIENTS), str(APPENDS),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])  # type: ignore[no-any-return]


async def test_a_race_of_writers_leaves_one_dense_order_that_a_live_reader_sees_once(
    database_url: str, admin: Connection
) -> None:
    await admin.execute(_SLOW_AND_PICKY)
    stop = asyncio.Event()
    seen: list[StoredEvent] = []
    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(opened(database_url, readers=2, limits=PATIENT))
            for _ in range(WRITERS)
        ]
        reader = await stack.enter_async_context(opened(database_url, readers=1))
        following = asyncio.create_task(follow(reader, admin, seen, stop))
        elsewhere = asyncio.create_task(write_elsewhere(database_url))
        here = await asyncio.gather(
            *(
                contend(store, f"{number}-{client}", STREAMS, APPENDS, 100 * number + client)
                for number, store in enumerate(stores)
                for client in range(CLIENTS)
            )
        )
        told = [pair for each in await elsewhere for pair in each]
        stop.set()
        assert await following > 0
    told += [pair for pairs, _ in here for pair in pairs]
    refused = {id_ for _, ids in here for id_ in ids}

    assert [each.position for each in seen] == list(range(1, len(seen) + 1))
    assert {(each.position, str(each.id)) for each in seen} == {(p, id_) for p, id_ in told}
    assert len(told) == len(seen)
    assert not refused & {str(each.id) for each in seen}
    assert not any(each.type == POISON for each in seen)
    streams: dict[str, int] = {}
    for each in seen:
        assert each.version == streams.get(each.stream, 0) + 1
        streams[each.stream] = each.version
    times = [each.recorded_at for each in seen]
    assert times == sorted(times)


async def test_of_racing_appends_at_one_version_exactly_one_wins(database_url: str) -> None:
    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(opened(database_url, readers=1)) for _ in range(WRITERS)
        ]
        for version in range(20):
            outcomes = await asyncio.gather(
                *(store.append(append("a/1", version)) for store in stores for _ in range(CLIENTS))
            )
            assert sum(isinstance(each, Stored) for each in outcomes) == 1
            lost = VersionMismatch(
                tenant=TENANT, stream="a/1", expected=version, actual=version + 1
            )
            assert outcomes.count(lost) == WRITERS * CLIENTS - 1
