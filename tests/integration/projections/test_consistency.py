"""Reading what was just written, one's own tenant only, in one snapshot."""

from uuid import uuid4

import asyncpg
import msgspec
import pytest

from application.event_store import ForeignIncarnation, Outage
from application.positions import Position
from tests.support.readings import (
    THINGS_1,
    Reading,
    ThingLabelled,
    ThingMade,
    owner,
    reading,
    record,
    wait_until,
)


class Thing(msgspec.Struct):
    thing: str
    label: str
    body: dict[str, list[int]] | None = None


THINGS = "SELECT thing, label, body FROM {things} ORDER BY thing"


async def test_a_query_waits_until_the_rows_are_there(engine: Reading) -> None:
    for nth in range(30):
        last = await record(engine.store, "thing/1", ThingMade(label=str(nth), body={"k": [nth]}))
        async with engine.read_models.rows(THINGS_1, "default", after=last) as rows:
            assert await rows.find(Thing, THINGS) == [Thing("1", str(nth), {"k": [nth]})]
            assert (await rows.position()).number >= last.number


async def test_without_any_word_from_the_projector_a_waiter_looks_itself(engine: Reading) -> None:
    engine.progress.publish = _silence  # type: ignore[method-assign]
    last = await record(engine.store, "thing/1", ThingMade(label="a"))
    await engine.read_models.consistent(THINGS_1, last)


async def _silence(*_: object) -> None:
    pass


async def test_who_has_waited_long_enough_is_told_to_come_back(things_url: str) -> None:
    async with reading(things_url, run=False) as engine:
        last = await record(engine.store, "thing/1", ThingMade(label="a"))
        with pytest.raises(Outage) as refused:
            await engine.read_models.consistent(THINGS_1, last, patience=0.05)
        assert refused.value.retry_after > 0


async def test_a_place_in_another_log_is_no_place_here(engine: Reading) -> None:
    with pytest.raises(ForeignIncarnation):
        await engine.read_models.consistent(THINGS_1, Position(uuid4(), 1))


async def test_a_tenant_sees_its_own_rows_and_no_others(engine: Reading) -> None:
    await record(engine.store, "thing/1", ThingMade(label="mine"), tenant="it's")
    last = await record(engine.store, "thing/1", ThingMade(label="yours"), tenant="yours")
    for tenant, labels in (("it's", ["mine"]), ("yours", ["yours"]), ("nobody", [])):
        async with engine.read_models.rows(THINGS_1, tenant, after=last) as rows:
            assert [each.label for each in await rows.find(Thing, THINGS)] == labels
            assert await rows.find_one(Thing, THINGS + " OFFSET 1") is None
    for tenant in ("\\", "a\x00", "a\n"):
        with pytest.raises(ValueError, match="tenant"):
            async with engine.read_models.rows(THINGS_1, tenant):
                pass


async def test_a_connection_that_named_no_tenant_sees_nothing(engine: Reading) -> None:
    last = await record(engine.store, "thing/1", ThingMade(label="a"))
    async with engine.read_models.rows(THINGS_1, "default", after=last):
        pass
    async with engine.read_models._pool.acquire() as connection:
        try:
            seen = await connection.fetch("SELECT * FROM read_things_1_0.things")
        except asyncpg.UndefinedObjectError:  # the setting was never made on this connection
            seen = []
        assert seen == []


async def test_rows_do_not_change_while_they_are_read(engine: Reading) -> None:
    first = await record(engine.store, "thing/1", ThingMade(label="a"))
    async with engine.read_models.rows(THINGS_1, "default", after=first) as rows:
        before = await rows.find(Thing, THINGS), await rows.position()
        last = await record(engine.store, "thing/1", ThingLabelled(label="b"))
        await engine.read_models.consistent(THINGS_1, last)
        assert (await rows.find(Thing, THINGS), await rows.position()) == before


async def test_a_failed_query_leaves_the_connection_fit_for_the_next(engine: Reading) -> None:
    for _ in range(10):
        with pytest.raises(asyncpg.UndefinedColumnError):
            async with engine.read_models.rows(THINGS_1, "default") as rows:
                await rows.find(Thing, "SELECT nonsense FROM {things}")
    async with engine.read_models.rows(THINGS_1, "default") as rows:
        assert await rows.find(Thing, THINGS) == []


async def test_a_reader_can_write_nothing(engine: Reading) -> None:
    delete = "DELETE FROM {things} RETURNING thing, label"
    with pytest.raises(Outage, match="ReadOnly"):
        async with engine.read_models.rows(THINGS_1, "default") as rows:
            await rows.find(Thing, delete)
    async with engine.read_models._pool.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM read_things_1_0.things")


async def test_the_engine_comes_back_after_every_connection_was_killed(engine: Reading) -> None:
    await record(engine.store, "thing/1", ThingMade(label="a"))
    async with owner(engine.url, role=None) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    async def appended() -> bool:
        try:
            await record(engine.store, "thing/1", ThingLabelled(label="b"))
        except Outage:
            return False
        return True

    await wait_until(appended)
    last = await record(engine.store, "thing/1", ThingLabelled(label="c"))

    async def visible() -> bool:
        try:
            async with engine.read_models.rows(THINGS_1, "default", after=last) as rows:
                return (await rows.find(Thing, THINGS))[0].label == "c"
        except Outage:
            return False

    await wait_until(visible)
    assert engine.tail.listening
