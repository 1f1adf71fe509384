"""What becomes of an append when the wire, the server or the caller goes away in the middle."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from adapters.postgres.appender import Limits
from adapters.postgres.connect import Connection, connect
from adapters.postgres.event_store import PostgresEventStore, opened
from application.event_store import (
    Append,
    ForeignIncarnation,
    KeyFound,
    Outage,
    Stored,
    VersionMismatch,
    Write,
)
from domain.rejections import Invalid
from tests.support.log_items import TENANT, append, claim, event, key, write
from tests.support.severed import ANSWER, REQUEST, Wire, wire


@pytest.fixture
async def through(database_url: str) -> AsyncIterator[Wire]:
    async with wire(database_url) as it:
        yield it


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[Connection]:
    connection = await connect(database_url, role=None)
    yield connection
    await connection.close()


async def positions(store: PostgresEventStore) -> list[tuple[int, str, int]]:
    log = await store.read_log(after=0, limit=1000)
    return [(e.position, e.stream, e.version) for e in log]


async def test_a_lost_answer_is_settled_by_asking_again(database_url: str, through: Wire) -> None:
    async with opened(through.url) as store, opened(database_url) as other:
        await store.append(append("a/1", count=2))
        through.cut_next(ANSWER)
        items = [
            Append(writes=(write("a/1", 2), write("b/1")), key=key("one")),
            append("c/1", count=3),
            append("a/9", 4),
            Append(key=key("two")),
            Append(writes=(write("d/1"),), claim=claim()),
        ]
        one, two, stale, alone, claimed = await asyncio.gather(*(store.append(i) for i in items))
        assert through.cuts == 1
        assert isinstance(one, Stored)
        assert (one.first, one.last) == (3, 4)
        assert isinstance(two, Stored)
        assert (two.first, two.last) == (5, 7)
        assert isinstance(stale, VersionMismatch)
        assert isinstance(alone, Stored)
        assert isinstance(claimed, Stored)
        assert (claimed.first, claimed.last) == (8, 8)
        assert await positions(other) == [
            (1, "a/1", 1), (2, "a/1", 2), (3, "a/1", 3), (4, "b/1", 1), (5, "c/1", 1),
            (6, "c/1", 2), (7, "c/1", 3), (8, "d/1", 1),
        ]  # fmt: skip


async def test_a_lost_request_is_sent_again(through: Wire) -> None:
    async with opened(through.url) as store:
        through.cut_next(REQUEST)
        outcome = await store.append(append("a/1"))
        assert isinstance(outcome, Stored)
        assert through.cuts == 1
        assert await positions(store) == [(1, "a/1", 1)]


async def test_somebody_who_wrote_in_between_does_not_confuse_the_settlement(
    database_url: str, through: Wire
) -> None:
    async with opened(through.url) as store, opened(database_url) as other:
        await store.append(append("a/1"))
        through.cut_next(ANSWER)
        mine, theirs = await asyncio.gather(
            store.append(append("a/1", 1)), other.append(append("b/1"))
        )
        assert isinstance(mine, Stored)
        assert isinstance(theirs, Stored)
        assert sorted(await positions(other)) == sorted(
            [(1, "a/1", 1), (mine.first, "a/1", 2), (theirs.first, "b/1", 1)]
        )


async def test_what_cannot_be_settled_in_time_is_unknown_and_settled_all_the_same(
    database_url: str, through: Wire
) -> None:
    limits = Limits(settle=0.05, longest_pause=0.05)
    async with opened(through.url, limits=limits) as store, opened(database_url) as other:
        through.cut_next(ANSWER)
        appending = asyncio.create_task(store.append(append("a/1")))
        await through.cut.wait()
        await through.close()
        with pytest.raises(Outage) as outage:
            await appending
        assert outage.value.outcome == "unknown"
        await through.open()
        assert isinstance(await store.append(append("a/1", 1)), Stored)
        assert await positions(other) == [(1, "a/1", 1), (2, "a/1", 2)]


async def test_what_was_never_sent_has_surely_failed(through: Wire) -> None:
    limits = Limits(settle=0.05, longest_pause=0.05, queue_age=0.05)
    async with opened(through.url, limits=limits) as store:
        await store.append(append("a/1"))
        await through.close()
        outcomes = [
            await asyncio.gather(store.append(append("b/1")), return_exceptions=True)
            for _ in range(3)  # the first may find out only while it sends
        ]
        for [outage] in outcomes[1:]:
            assert isinstance(outage, Outage)
            assert outage.outcome == "failed"
            assert outage.retry_after > 0
        await through.open()
        assert isinstance(await store.append(append("b/2")), Stored)


async def test_a_killed_backend_is_replaced_unnoticed(database_url: str, admin: Connection) -> None:
    async with opened(database_url) as store:
        for n in range(5):
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'annals appender' AND datname = current_database()"
            )
            assert isinstance(await store.append(append("a/1", n)), Stored)
        assert [version for _, _, version in await positions(store)] == [1, 2, 3, 4, 5]


async def test_a_replaced_log_is_refused_for_good(database_url: str, admin: Connection) -> None:
    heard: list[ForeignIncarnation] = []
    async with opened(database_url, on_replaced=heard.append) as store:
        await store.append(append("a/1"))
        new = uuid4()
        await admin.execute("UPDATE annals.logs SET incarnation = $1", new)
        outcomes = await asyncio.gather(
            *(store.append(append(f"b/{n}")) for n in range(3)), return_exceptions=True
        )
        assert [type(each) for each in outcomes] == [ForeignIncarnation] * 3
        assert [each.current for each in heard] == [new]
        for ask in (store.append(append("c/1")), store.tail(), store.read_log(after=0, limit=1)):
            with pytest.raises(ForeignIncarnation) as foreign:
                await ask
            assert foreign.value.current == new
    async with opened(database_url) as again:
        assert (await again.tail()).incarnation == new


async def test_an_item_that_cannot_be_stored_takes_no_neighbour_with_it(
    database_url: str, admin: Connection
) -> None:
    await admin.execute(
        "ALTER TABLE annals.events ADD CONSTRAINT picky CHECK (type <> 'poison.taken')"
    )
    poison = Append(
        writes=(
            Write(tenant=TENANT, stream="p/1", expected=0, events=(event(type_="poison.taken"),)),
        )
    )
    items = [append(f"a/{n}") for n in range(11)]
    items[7] = poison
    async with opened(database_url) as store:
        outcomes = await asyncio.gather(*(store.append(i) for i in items), return_exceptions=True)
        assert isinstance(outcomes.pop(7), Invalid)
        assert all(isinstance(each, Stored) for each in outcomes)
        assert [position for position, _, _ in await positions(store)] == list(range(1, 11))


async def test_a_full_disk_is_an_outage_and_nothing_is_recorded(
    database_url: str, admin: Connection
) -> None:
    await admin.execute(
        """
        CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON annals.events
            FOR EACH ROW WHEN (NEW.stream = 'full/1') EXECUTE FUNCTION public.full_disk();
        """
    )
    async with opened(database_url) as store:
        with pytest.raises(Outage) as outage:
            await store.append(append("full/1"))
        assert outage.value.outcome == "failed"
        assert isinstance(await store.append(append("a/1")), Stored)
        assert await positions(store) == [(1, "a/1", 1)]


async def test_closing_records_what_is_queued(database_url: str) -> None:
    store = await PostgresEventStore.open(database_url)
    appending = [asyncio.create_task(store.append(append(f"a/{n}"))) for n in range(100)]
    await asyncio.sleep(0)
    await store.aclose()
    assert all(isinstance(each, Stored) for each in await asyncio.gather(*appending))
    with pytest.raises(Outage):
        await store.append(append("b/1"))


async def test_a_full_queue_turns_newcomers_away(database_url: str) -> None:
    async with opened(database_url, limits=Limits(queue_items=10)) as store:
        outcomes = await asyncio.gather(
            *(store.append(append(f"a/{n}")) for n in range(30)), return_exceptions=True
        )
        assert sum(isinstance(each, Stored) for each in outcomes) == 10
        assert sum(isinstance(each, Outage) for each in outcomes) == 20


async def test_callers_hear_of_a_clock_that_is_ahead(database_url: str, admin: Connection) -> None:
    ahead: list[float] = []
    async with opened(database_url, on_clock_ahead=ahead.append) as store:
        await store.append(append("a/1"))
        assert not ahead
        await admin.execute(
            """
            INSERT INTO annals.events SELECT log_id, 2, tenant, 'f/1', 1, event_id, type,
                schema_version, data, recorded_at + interval '1 hour', actor, correlation_id,
                causation_id, meta
            FROM annals.events
            """
        )
        outcome = await store.append(append("a/1", 1))
        assert isinstance(outcome, Stored)
        assert outcome.first == 3
        assert [round(each / 60) for each in ahead] == [60]
        times = [e.recorded_at for e in await store.read_log(after=0, limit=9)]
        assert times == sorted(times)


async def test_a_retry_by_key_gets_the_original_positions(through: Wire) -> None:
    async with opened(through.url) as store:
        first = await store.append(Append(writes=(write("a/1"),), key=key()))
        assert isinstance(first, Stored)
        again = await store.append(Append(writes=(write("a/1"),), key=key(response=b"new")))
        assert again == KeyFound(
            incarnation=first.incarnation, fingerprint=b"request", response=b"answer", last=1
        )
