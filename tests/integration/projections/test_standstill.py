"""What stops a projection, what does not, and how it goes on."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from application.codec import EventCodec
from application.positions import Position
from domain.projections import (
    PROJECTION,
    ProjectionPaused,
    ProjectionResumed,
    ProjectionRetried,
    ProjectionSkipped,
)
from domain.recorded import SYSTEM_TENANT, Recorded
from projections.tables import Operation, patch
from tests.support.readings import (
    THING,
    THINGS,
    THINGS_1,
    NoiseHeard,
    NoVault,
    Reading,
    ThingCounted,
    ThingLabelled,
    ThingMade,
    migrate_projections,
    project,
    reach,
    reading,
    record,
    same_rows,
    status_of,
    table,
)

CURSED = "a secret that no log line may have"


def refusing(recorded: Recorded[Any]) -> Iterable[Operation]:
    if isinstance(recorded.event, ThingLabelled) and recorded.event.label == CURSED:
        raise ValueError(recorded.event.label)
    return project(recorded)


FRAGILE = replace(THINGS_1, name="fragile", project=refusing)


async def _cursed(engine: Reading) -> Position:
    """Events of which one is more than the fragile projection can take."""
    await record(engine.store, "thing/1", ThingMade(label="a"), ThingCounted(count=1))
    return await record(
        engine.store,
        "thing/1",
        NoiseHeard(),
        ThingLabelled(label="before"),
        NoiseHeard(),
        ThingLabelled(label=CURSED),
        ThingCounted(count=5),
    )


async def _label(url: str, schema: str) -> str:
    [row] = await table(url, schema, "things")
    return f"{row['label']} {row['count']}"


async def test_one_that_fails_stops_there_and_the_others_go_on(
    things_url: str, capsys: Any
) -> None:
    await migrate_projections(things_url, [FRAGILE])
    async with reading(things_url, [THINGS_1, FRAGILE]) as engine:
        last = await _cursed(engine)
        await engine.read_models.consistent(THINGS_1, last)
        failed = await reach(things_url, "failed", "fragile")
        assert (failed.position, failed.failed_at) == (5, 6)
        assert failed.error is not None
        assert failed.error.startswith("ValueError at ")
        assert failed.error.rpartition(":")[2].isdigit()
        assert await _label(things_url, "read_fragile_1_0") == "before 1"
        assert await _label(things_url, "read_things_1_0") == f"{CURSED} 5"
        await same_rows(things_url, engine.store)
    printed = capsys.readouterr().out
    assert "follower_stopped" in printed
    assert CURSED not in printed


async def test_a_skip_lets_it_go_on_behind_the_event(things_url: str) -> None:
    await migrate_projections(things_url, [FRAGILE])
    async with reading(things_url, [FRAGILE]) as engine:
        await _cursed(engine)
        await reach(things_url, "failed", "fragile")
        skipped = ProjectionSkipped(version=1, position=6, reason="an example")
        last = await record(engine.store, "projection/fragile", skipped, tenant=SYSTEM_TENANT)
        await engine.read_models.consistent(FRAGILE, last, patience=60)
        assert await _label(things_url, "read_fragile_1_0") == "before 5"
        assert (await reach(things_url, "running", "fragile")).failed_at is None


async def test_a_retry_tries_the_same_event_again(things_url: str) -> None:
    await migrate_projections(things_url, [FRAGILE])
    cured: list[bool] = []

    def curable(recorded: Recorded[Any]) -> Iterable[Operation]:
        return project(recorded) if cured else refusing(recorded)

    async with reading(things_url, [replace(FRAGILE, project=curable)]) as engine:
        await _cursed(engine)
        await reach(things_url, "failed", "fragile")
        cured.append(True)
        retried = ProjectionRetried(position=6, reason="an example")
        last = await record(engine.store, "projection/fragile", retried, tenant=SYSTEM_TENANT)
        await engine.read_models.consistent(FRAGILE, last, patience=60)
        assert await _label(things_url, "read_fragile_1_0") == f"{CURSED} 5"


async def test_what_the_database_refuses_is_found_among_many(things_url: str) -> None:
    """No Python code fails here: a number is too large for its column."""

    def overflowing(recorded: Recorded[Any]) -> Iterable[Operation]:
        yield from project(recorded)
        if isinstance(recorded.event, ThingCounted):
            yield patch(THINGS, recorded.stream_id, {"small": recorded.event.count})

    narrow = replace(THINGS_1, name="narrow", project=overflowing)
    await migrate_projections(things_url, [narrow])
    async with reading(things_url, [narrow], run=False) as engine:
        await record(engine.store, "thing/2", ThingMade(label="too much"))
        await record(engine.store, "thing/1", ThingMade(label="a"))
        for count in range(40):
            await record(engine.store, "thing/1", ThingCounted(count=count))
        poison = await record(engine.store, "thing/2", ThingCounted(count=2**40))
        await record(engine.store, "thing/1", *[ThingCounted(count=n) for n in range(40)])
        engine.start(engine.projector.run())
        failed = await reach(things_url, "failed", "narrow")
        assert (failed.position, failed.failed_at) == (poison.number - 1, poison.number)
        rows = await table(things_url, "read_narrow_1_0", "things")
        assert [(row["label"], row["count"]) for row in rows] == [("a", 39), ("too much", 0)]


async def test_a_paused_one_stands_still_until_it_is_resumed(engine: Reading) -> None:
    first = await record(engine.store, "thing/1", ThingMade(label="a"))
    await engine.read_models.consistent(THINGS_1, first)
    pause = ProjectionPaused(reason="an example")
    await record(engine.store, "projection/things", pause, tenant=SYSTEM_TENANT)
    await reach(engine.url, "paused")
    assert (await _stands(engine)).position <= first.number + 1
    await record(engine.store, "thing/1", ThingLabelled(label="b"))
    assert await _label(engine.url, "read_things_1_0") == "a 0"
    resume = ProjectionResumed(reason="an example")
    last = await record(engine.store, "projection/things", resume, tenant=SYSTEM_TENANT)
    await engine.read_models.consistent(THINGS_1, last, patience=60)
    assert await _label(engine.url, "read_things_1_0") == "b 0"


async def _stands(engine: Reading) -> Any:
    """The status once the projector has let go of the paused projection."""
    await engine.projector.settled()
    return await status_of(engine.url)


async def test_nobody_reads_past_an_event_that_is_newer_than_the_program(
    things_url: str,
) -> None:
    older = EventCodec([THING, PROJECTION], NoVault())
    async with reading(things_url, codec=older) as engine:
        await record(engine.store, "thing/1", ThingMade(label="a"))
        newer = await record(engine.store, "noise/1", NoiseHeard())
        await record(engine.store, "thing/1", ThingLabelled(label="b"))
        waiting = await reach(things_url, "waiting")
        assert (waiting.position, waiting.failed_at) == (newer.number - 1, newer.number)
        assert await _label(things_url, "read_things_1_0") == "a 0"
        async with reading(things_url, holder="newer") as upgraded:
            last = await record(upgraded.store, "thing/1", ThingCounted(count=3))
            await upgraded.read_models.consistent(THINGS_1, last, patience=60)
            assert await _label(things_url, "read_things_1_0") == "b 3"
