"""Flags in lists: since when they are, and which of them have outlived their purpose."""

from datetime import UTC, datetime, timedelta
from itertools import product

from adapters.capabilities import DECIDERS, UPCASTS
from application.codec import EventCodec
from domain.flags.events import FlagArchived, FlagDefined, FlagMarkedActive, FlagMarkedStale
from domain.flags.staleness import potentially_stale
from domain.flags.state import PURPOSES, About
from projections import flags
from projections.flags import flag_of
from tests.support.readings import NoVault, migrate_projections, reading, record

CODEC = EventCodec(DECIDERS, NoVault(), UPCASTS)


async def test_lists_find_the_stale_ones_as_the_rule_says(database_url: str) -> None:
    await migrate_projections(database_url, [flags.PROJECTION])
    async with reading(database_url, [flags.PROJECTION], codec=CODEC) as engine:
        lifetimes, more = (None, 1, 30), ((), (FlagMarkedStale(),), (FlagArchived(),))
        cases = product(PURPOSES, lifetimes, more)
        for number, (purpose, lifetime, events) in enumerate(cases):
            about = About(group="g", purpose=purpose, lifetime=lifetime)  # type: ignore[arg-type]
            told = (FlagDefined(about=about), *events)
            last = await record(engine.store, f"flag/f{number}", *told, codec=CODEC)
        marks = (FlagMarkedStale(), FlagMarkedActive())
        last = await record(engine.store, "flag/f0", *marks, codec=CODEC)
        seen = set()
        for days, archived in product((0, 1, 7, 29.9, 30, 39.9, 40, 10_000), (True, False)):
            now = datetime.now(UTC) + timedelta(days=days, seconds=1)
            async with engine.read_models.rows(flags.PROJECTION, "default", after=last) as rows:
                everything = await flags.find_flags(rows, now=now, limit=100, archived=archived)
                found = {
                    stale: await flags.find_flags(
                        rows, now=now, limit=100, archived=archived, stale=stale
                    )
                    for stale in (True, False)
                }
            stale = [
                row
                for row in everything
                if row.stale or potentially_stale(flag_of(row, {}), row.created_at, now)
            ]
            assert found[True] == stale
            assert found[False] == [row for row in everything if row not in stale]
            seen.add(len(stale))
        assert len(seen) > 4


async def test_a_flag_is_as_old_as_its_first_definition(database_url: str) -> None:
    await migrate_projections(database_url, [flags.PROJECTION])
    async with reading(database_url, [flags.PROJECTION], codec=CODEC) as engine:
        for description in ("first", "second", "third"):
            about = About(group="g", description=description)
            last = await record(engine.store, "flag/a", FlagDefined(about=about), codec=CODEC)
        async with engine.read_models.rows(flags.PROJECTION, "default", after=last) as rows:
            [row] = await flags.find_flags(rows, now=datetime.now(UTC))
        first, *_, newest = await engine.store.read_stream(("default", "flag/a"))
    assert (row.created_at, row.changed_at) == (first.recorded_at, newest.recorded_at)
    assert row.about.description == "third"
