"""Partitions come and go while appends go on, also beside a snapshot that is held open."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from adapters.postgres.connect import Connection, connect
from adapters.postgres.event_store import PostgresEventStore, opened
from adapters.postgres.partition_catalogue import partitions
from adapters.postgres.partitions import DAYS_AHEAD, PartitionKeeper
from application.event_store import Append, EffectTaken, Stored
from tests.support.log_items import append, claim, effect, key, settlement, write

BY_POSITION = ("effects", "claims", "settlements")


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url, role=None)
    yield connection
    await connection.close()


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresEventStore]:
    async with opened(database_url) as it:
        yield it


def keeper(url: str, *, days: int = 0, reactions: tuple[str, ...] = ()) -> PartitionKeeper:
    return PartitionKeeper(
        url, reactions=reactions, clock=lambda: datetime.now(UTC) + timedelta(days=days)
    )


async def names(connection: Connection, parent: str) -> list[str]:
    return [each.name for each in await partitions(connection, parent)]


async def move_the_log_to(admin: Connection, position: int) -> None:
    """Let the log end at a far position, as if as many events had been appended."""
    await admin.execute(
        """
        INSERT INTO annals.events SELECT log_id, $1, tenant, 'far/1', 1, event_id, type,
            schema_version, data, recorded_at, actor, correlation_id, causation_id, meta
        FROM annals.events LIMIT 1
        """,
        position,
    )


async def test_a_migrated_database_is_ready_for_a_week_and_many_positions(
    admin: Connection,
) -> None:
    days = await names(admin, "keys")
    today = datetime.now(UTC)
    for ahead in range(DAYS_AHEAD + 1):
        assert f"keys_{today + timedelta(days=ahead):%Y%m%d}" in days
    for parent in BY_POSITION:
        ranges = await partitions(admin, parent)
        assert int(ranges[0].lower) == 0
        assert all(a.upper == b.lower for a, b in pairwise(ranges))
        assert int(ranges[-1].upper) > 50_000_000


async def test_old_days_of_keys_go_and_recent_ones_stay(
    database_url: str, admin: Connection
) -> None:
    before = await names(admin, "keys")
    assert await keeper(database_url, days=-4).maintain()
    assert len(await names(admin, "keys")) == len(before) + 4
    assert await keeper(database_url).maintain()
    assert await names(admin, "keys") == before


async def test_keys_stay_while_a_reaction_stands_before_their_events(
    database_url: str, admin: Connection, store: PostgresEventStore
) -> None:
    await store.append(append("a/1"))
    await keeper(database_url, days=-4).maintain()
    kept = await names(admin, "keys")
    await admin.execute(
        """
        INSERT INTO annals.events SELECT log_id, 2, tenant, 'old/1', 1, event_id, type,
            schema_version, data, recorded_at - interval '5 days', actor, correlation_id,
            causation_id, meta
        FROM annals.events;
        INSERT INTO annals.checkpoints VALUES (1, 'ring', 1, 1, 0);
        """
    )
    assert await keeper(database_url, reactions=("ring",)).maintain()
    assert await names(admin, "keys") == kept
    await admin.execute("INSERT INTO annals.checkpoints VALUES (1, 'ring', 1, 2, 1)")
    assert await keeper(database_url, reactions=("ring",)).maintain()
    assert len(await names(admin, "keys")) == len(kept) - 4


async def test_a_range_of_effects_goes_when_all_are_done_and_every_reaction_is_past_it(
    database_url: str, admin: Connection, store: PostgresEventStore
) -> None:
    await store.append(append("a/1"))
    await admin.execute(
        "INSERT INTO annals.effects (log_id, tenant, reaction, position, kind, due_at) "
        "VALUES (1, 'default', 'ring', 1, 'k', now())"
    )
    await move_the_log_to(admin, 1_000_500)
    await admin.execute("INSERT INTO annals.checkpoints VALUES (1, 'ring', 1, 1000500, 0)")
    there = [f"{parent}_0" for parent in BY_POSITION]

    async def present() -> list[str]:
        return [
            name for parent in BY_POSITION for name in await names(admin, parent) if name in there
        ]

    assert await keeper(database_url, reactions=("ring",)).maintain()
    assert await present() == there  # not done yet
    await store.append(Append(claim=claim(), settlement=settlement()))
    assert await keeper(database_url, reactions=("ring", "sing")).maintain()
    assert await present() == there  # a reaction stands further back
    assert await keeper(database_url, reactions=("ring",)).maintain()
    assert await present() == []
    outcome = await store.append(Append(claim=claim(2), writes=(write("b/1"),)))
    assert outcome == EffectTaken(effect=effect(), attempt=2)
    assert await keeper(database_url).maintain()
    assert await present() == []


async def test_ranges_are_made_ahead_of_the_log(
    database_url: str, admin: Connection, store: PostgresEventStore
) -> None:
    await store.append(append("a/1"))
    await move_the_log_to(admin, 60_000_000)
    assert await keeper(database_url).maintain()
    for parent in BY_POSITION:
        ranges = await partitions(admin, parent)
        assert all(a.upper == b.lower for a, b in pairwise(ranges))
        assert int(ranges[-1].upper) > 110_000_000


async def test_maintenance_beside_a_held_snapshot_blocks_no_append(
    database_url: str, admin: Connection, store: PostgresEventStore
) -> None:
    await store.append(append("a/1"))
    await keeper(database_url, days=-4).maintain()
    old = await names(admin, "keys")
    await move_the_log_to(admin, 60_000_000)

    dump = await connect(database_url, role=None)
    await dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    tables = await dump.fetch(
        "SELECT format('annals.%I', relname) AS name FROM pg_class "
        "WHERE relnamespace = 'annals'::regnamespace AND relkind IN ('r', 'p')"
    )
    for table in tables:  # as pg_dump does
        await dump.execute(f"LOCK TABLE {table['name']} IN ACCESS SHARE MODE")

    keeping = asyncio.create_task(keeper(database_url).maintain())
    blocked: set[int] = set()
    appended = 0
    while not keeping.done():
        appending = asyncio.create_task(
            store.append(
                Append(
                    writes=(write(f"b/{appended}"),),
                    key=key(f"k{appended}"),
                    claim=claim(of=effect(1 + appended)),
                    settlement=settlement(of=effect(1 + appended)),
                )
            )
        )
        while not appending.done():
            blocked |= await blockers_of_the_appender(admin)
        assert isinstance(await appending, Stored)
        appended += 1
    assert not await keeping  # what the dump holds could not go yet
    assert appended > 0
    assert not blocked
    assert int((await partitions(admin, "claims"))[-1].upper) > 110_000_000

    await dump.execute("ROLLBACK")
    await dump.close()
    assert await keeper(database_url).maintain()
    assert len(await names(admin, "keys")) == len(old) - 4
    left = await admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'annals'::regnamespace "
        "AND relkind = 'r' AND NOT relispartition AND relname ~ '_[0-9]+$'"
    )
    assert left == []


async def blockers_of_the_appender(admin: Connection) -> set[int]:
    rows = await admin.fetch(
        "SELECT unnest(pg_blocking_pids(pid)) AS pid FROM pg_stat_activity "
        "WHERE application_name = 'annals appender' AND datname = current_database()"
    )
    return {row["pid"] for row in rows}


async def test_two_keepers_do_not_disturb_each_other(database_url: str, admin: Connection) -> None:
    await keeper(database_url, days=-4).maintain()
    results = await asyncio.gather(*(keeper(database_url).maintain() for _ in range(4)))
    assert all(results)
    assert len(await names(admin, "keys")) == DAYS_AHEAD + 2
