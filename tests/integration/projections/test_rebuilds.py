"""A build beside the one that serves: equal rows, no moment without rows, an atomic turn."""

import msgspec
import pytest

from adapters.postgres.generations import (
    AlreadyBuilding,
    NoSuchGeneration,
    StillServing,
    generations,
    rebuild,
    retire,
)
from application.event_store import Outage
from tests.support.readings import (
    THINGS_1,
    Reading,
    ThingCounted,
    ThingLabelled,
    ThingMade,
    owner,
    reach,
    reading,
    record,
    same_rows,
    table,
    wait_until,
)


class Count(msgspec.Struct):
    number: int


async def _fill(engine: Reading, label: str, number: int = 40) -> None:
    for nth in range(number):
        thing = f"thing/{nth % 9}"
        made = ThingMade(label=f"{label} {nth}", tags=("x",), body=[nth])
        await record(engine.store, thing, made, ThingCounted(count=nth))
        await record(engine.store, thing, ThingLabelled(label=f"{label} {nth} again"))


async def test_a_rebuild_gives_the_same_rows_while_events_arrive(engine: Reading) -> None:
    await _fill(engine, "first")
    async with owner(engine.url) as connection:
        build = await rebuild(connection, THINGS_1)
    assert build.number == 1001
    await _fill(engine, "meanwhile")
    assert (await reach(engine.url, "running", generation=1001)).serves
    last = await record(engine.store, "thing/1", ThingLabelled(label="last"))
    await engine.read_models.consistent(THINGS_1, last)

    async def both() -> bool:
        async with owner(engine.url) as connection:
            return (
                await connection.fetchval(
                    "SELECT count(*) FROM annals.checkpoints WHERE position = $1", last.number
                )
                == 2
            )

    await wait_until(both)
    await same_rows(engine.url, engine.store)
    await same_rows(engine.url, engine.store, "read_things_1_1")
    assert await table(engine.url, "read_things_1_0", "things") == await table(
        engine.url, "read_things_1_1", "things"
    )


async def test_queries_never_see_less_than_they_have_seen(engine: Reading) -> None:
    """Every event is asked for right after it was recorded, across the turn and the retirement."""
    await _fill(engine, "first")
    async with owner(engine.url) as connection:
        await rebuild(connection, THINGS_1)
    seen = set()
    retired = False
    while not retired or len(seen) < 2:
        last = await record(engine.store, "thing/1", ThingLabelled(label="next"))
        async with engine.read_models.rows(THINGS_1, "default", after=last) as rows:
            assert (await rows.position()).number >= last.number
            [found] = await rows.find(Count, "SELECT count(*) AS number FROM {things}")
            assert found.number == 9
            seen.add(rows.generation)
        if len(seen) == 2 and not retired:
            async with owner(engine.url) as connection:
                await retire(connection, "things", 1000)
            retired = True
    last = await record(engine.store, "thing/1", ThingLabelled(label="after"))
    await engine.read_models.consistent(THINGS_1, last)
    async with owner(engine.url) as connection:
        assert [each.number for each in await generations(connection)] == [1001]
        assert not await connection.fetchval(
            "SELECT true FROM pg_namespace WHERE nspname = 'read_things_1_0'"
        )


async def test_a_build_is_made_once_at_a_time(engine: Reading) -> None:
    await engine.stop()
    await record(engine.store, "thing/1", ThingMade(label="a"))
    async with owner(engine.url) as connection:
        await rebuild(connection, THINGS_1)
        with pytest.raises(AlreadyBuilding):
            await rebuild(connection, THINGS_1)
        await retire(connection, "things", 1001)  # abandoned
        assert (await rebuild(connection, THINGS_1)).number == 1002


async def test_the_build_that_serves_cannot_be_retired(engine: Reading) -> None:
    async with owner(engine.url) as connection:
        with pytest.raises(StillServing):
            await retire(connection, "things", 1000)
        with pytest.raises(NoSuchGeneration):
            await retire(connection, "things", 1007)


async def test_without_a_build_that_serves_queries_are_refused(database_url: str) -> None:
    async with reading(database_url) as engine:
        assert list(await engine.read_models.ready()) == ["things"]
        with pytest.raises(Outage):
            async with engine.read_models.rows(THINGS_1, "default"):
                pass
