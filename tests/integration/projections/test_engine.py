"""The engine: what it writes, in what order, and what nothing may change about that."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adapters.postgres.checkpoints import Mark, Step, advance
from adapters.postgres.connect import Acquired
from adapters.postgres.projector import Projector
from application.progress import LocalProgress
from domain.recorded import Recorded
from tests.support.readings import (
    CODEC,
    THINGS_1,
    NoiseHeard,
    Reading,
    ThingCounted,
    ThingGone,
    ThingLabelled,
    ThingMade,
    migrate_projections,
    owner,
    reading,
    record,
    same_rows,
    status_of,
    table,
    wait_until,
)

HOSTILE = ["", "'; DROP TABLE x; --", '{"', "\\", "\u2028\u202e", "{NULL}", "\U0001f9ff" * 50]


async def test_rows_are_what_the_log_amounts_to(engine: Reading) -> None:
    for nth, text in enumerate(HOSTILE):
        made = ThingMade(label=text, tags=(text, "b"), body={text: [text, None, 1.5]})
        await record(engine.store, f"thing/{nth}", made, tenant=f"tenant-{nth % 2}")
        await record(engine.store, f"noise/{nth}", NoiseHeard())
        await record(engine.store, f"thing/{nth}", ThingLabelled(label=text * 2), tenant="other")
    await record(engine.store, "thing/0", ThingCounted(count=2), tenant="tenant-0")
    last = await record(engine.store, "thing/1", ThingGone(), tenant="tenant-1")
    await engine.read_models.consistent(THINGS_1, last)
    await same_rows(engine.url, engine.store)


async def test_events_that_nobody_handles_are_passed_without_being_decoded(
    engine: Reading, monkeypatch: Any
) -> None:
    decoded: list[str] = []
    original = CODEC.decode

    async def spy(stored: Sequence[Any]) -> list[Recorded[Any]]:
        decoded.extend(each.type for each in stored)
        return await original(stored)

    monkeypatch.setattr(CODEC, "decode", spy)
    for _ in range(3):
        last = await record(engine.store, "noise/1", NoiseHeard(), NoiseHeard())
    await engine.read_models.consistent(THINGS_1, last)
    assert decoded == []
    await wait_until(lambda: _recorded(engine, last.number))


async def _recorded(engine: Reading, position: int) -> bool:
    return (await status_of(engine.url)).position == position


async def test_two_projectors_that_both_think_they_may_write_nothing_twice(
    things_url: str,
) -> None:
    """The same holder's name makes leases useless: only the fence is left."""
    async with (
        reading(things_url, holder="twin") as one,
        reading(things_url, holder="twin") as two,
    ):
        last = None
        for nth in range(150):
            thing = f"thing/{nth % 7}"
            await record(one.store, thing, ThingMade(label=str(nth)), ThingCounted(count=nth))
            last = await record(two.store, thing, ThingLabelled(label=f"again {nth}"))
            if nth % 30 == 10:
                await _kill(things_url, "projector twin")
        assert last is not None
        await one.read_models.consistent(THINGS_1, last, patience=60)
        await two.read_models.consistent(THINGS_1, last, patience=60)
        await same_rows(things_url, one.store)


async def _kill(url: str, name: str) -> int:
    async with owner(url, role=None) as connection:
        found = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = $1 AND datname = current_database()",
            name,
        )
        return len(found)


class Counting:
    """A follower whose writes show whether anything was applied twice."""

    name = "counting"
    generation = 1
    handles = frozenset({"noise.heard"})

    def __init__(self) -> None:
        self.inside = asyncio.Event()
        self.go_on = asyncio.Event()
        self.committed: list[int] = []

    async def apply(self, connection: Acquired, batch: Sequence[Recorded[Any]]) -> Any:
        await connection.executemany(
            "INSERT INTO annals.applied (position) VALUES ($1)",
            [(each.position,) for each in batch],
        )
        self.inside.set()
        await self.go_on.wait()
        await connection.execute("SELECT 1")

        async def after() -> None:
            self.committed.extend(each.position for each in batch)

        return after


def _second(engine: Reading, follower: Counting, holder: str) -> Projector:
    return Projector(
        pool=engine.pool,
        store=engine.store,
        codec=CODEC,
        tail=engine.tail,
        progress=LocalProgress(),
        holder=holder,
        followers=[follower],
    )


async def _applied_table(url: str) -> None:
    async with owner(url, role=None) as connection:
        await connection.execute(
            "CREATE TABLE annals.applied (position bigint);"
            "GRANT ALL ON annals.applied TO annals_projector"
        )


async def test_a_connection_killed_in_the_middle_of_a_batch_loses_and_repeats_nothing(
    things_url: str,
) -> None:
    await _applied_table(things_url)
    async with reading(things_url, run=False) as engine:
        follower = Counting()
        engine.start(_second(engine, follower, "x").run())
        await record(engine.store, "noise/1", NoiseHeard(), NoiseHeard())
        await follower.inside.wait()
        follower.inside.clear()
        assert await _kill(things_url, "projector one")
        follower.go_on.set()
        await wait_until(lambda: _has(things_url, [1, 2]))
        await record(engine.store, "noise/1", NoiseHeard())
        await wait_until(lambda: _has(things_url, [1, 2, 3]))
        assert follower.committed == [1, 2, 3]


async def test_of_two_in_the_same_step_one_is_fenced_off(things_url: str) -> None:
    await _applied_table(things_url)
    async with (
        reading(things_url, run=False, holder="a") as a,
        reading(things_url, run=False, holder="b") as b,
    ):
        slow, fast = Counting(), Counting()
        a.start(_second(a, slow, "same").run())
        await record(a.store, "noise/1", NoiseHeard())
        await slow.inside.wait()
        b.start(_second(b, fast, "same").run())
        fast.go_on.set()
        slow.go_on.set()
        await record(a.store, "noise/1", NoiseHeard(), NoiseHeard())
        await wait_until(lambda: _has(things_url, [1, 2, 3]))
        assert sorted(slow.committed + fast.committed) == [1, 2, 3]


async def _has(url: str, positions: list[int]) -> bool:
    found = sorted(row["position"] for row in await _rows(url))
    assert len(found) == len(set(found)), "applied twice"
    return found == positions


async def _rows(url: str) -> list[Any]:
    async with owner(url, role=None) as connection:
        return await connection.fetch("SELECT position FROM annals.applied")


async def test_the_work_of_a_process_that_fell_silent_is_taken_over(things_url: str) -> None:
    async with owner(things_url) as connection:
        await connection.execute(
            "INSERT INTO annals.leases VALUES ('follower/things@1000', 'the dead', "
            "clock_timestamp() + interval '1500 ms')"
        )
    async with reading(things_url) as engine:
        last = await record(engine.store, "thing/1", ThingMade(label="a"))
        await engine.read_models.consistent(THINGS_1, last, patience=60)
        assert (await status_of(things_url)).holder == "one"


async def test_a_process_that_ends_leaves_its_work_to_others_at_once(things_url: str) -> None:
    async with reading(things_url, holder="first") as first:
        last = await record(first.store, "thing/1", ThingMade(label="a"))
        await first.read_models.consistent(THINGS_1, last)
    assert (await status_of(things_url)).holder is None
    async with reading(things_url, holder="second") as second:
        last = await record(second.store, "thing/1", ThingLabelled(label="b"))
        await second.read_models.consistent(THINGS_1, last)
        assert [row["label"] for row in await table(things_url, "read_things_1_0", "things")] == [
            "b"
        ]


async def test_a_process_that_froze_in_the_middle_of_a_step_is_overtaken(
    things_url: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("adapters.postgres.projector.FROZEN", 1)
    async with (
        reading(things_url, holder="frozen", run=False) as frozen,
        reading(things_url, holder="other", run=False) as other,
    ):
        last = await record(frozen.store, "thing/1", ThingMade(label="a"))
        connection = await frozen.pool.acquire()
        await connection.execute("BEGIN")
        mark = Mark("things", 1000)
        assert await advance(connection, 1, Step(mark=mark, previous=0, position=1))
        other.start(other.projector.run())
        await other.read_models.consistent(THINGS_1, last, patience=60)
        await same_rows(things_url, other.store)


async def test_old_checkpoints_are_pruned_behind(things_url: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("adapters.postgres.projector.PRUNE_EVERY", 1)
    monkeypatch.setattr("adapters.postgres.projector.ROUND", 0.05)
    monkeypatch.setattr("adapters.postgres.checkpoints.KEPT", timedelta())
    async with reading(things_url) as engine:
        for nth in range(20):
            last = await record(engine.store, f"thing/{nth}", ThingMade(label="a"))
            await engine.read_models.consistent(THINGS_1, last)

        async def one_left() -> bool:
            async with owner(things_url) as connection:
                return await connection.fetchval("SELECT count(*) FROM annals.checkpoints") == 1

        await wait_until(one_left)
        assert (await status_of(things_url)).position == last.number


async def test_a_newer_version_is_built_beside_the_old_one(things_url: str) -> None:
    """Old code goes on with its tables, and new code with its own, on one log."""
    newer = replace(THINGS_1, version=2)
    async with reading(things_url, holder="old") as old:
        await record(old.store, "thing/1", ThingMade(label="a"))
        await migrate_projections(things_url, [newer])
        async with reading(things_url, [newer], holder="new") as new:
            assert list(await new.read_models.ready()) in (["things"], [])
            await wait_until(lambda: _ready(new))
            last = await record(new.store, "thing/1", ThingLabelled(label="b"))
            await new.read_models.consistent(newer, last)
            await old.read_models.consistent(THINGS_1, last)
        await same_rows(things_url, old.store)
        await same_rows(things_url, old.store, "read_things_2_0")


async def _ready(engine: Reading) -> bool:
    return not await engine.read_models.ready()
