"""What a process keeps of flags: never older than it must be, and there while the log is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from adapters.memory.event_store import MemoryEventStore
from application.context import Context
from application.event_store import Outage, StoredEvent
from application.event_store import Tail as End
from application.flags.changes import EditFlag
from application.flags.flag_set import REMEMBERED, Change, FlagRows, FlagSet
from application.flags.flag_sets import FlagSets
from application.flags.unleash_view import UnleashViews
from application.states import Folded
from domain.flags.conditions import Constraint, InSegment
from domain.flags.decider import FLAG
from domain.flags.edits import Archive, Describe, Disable, Edit, Enable, SetRules
from domain.flags.rules import Prerequisite, Rule, Setting
from domain.flags.segments import DefineSegment
from domain.flags.state import About, Flag
from tests.support.http_platform import MemoryPlatform

ON = (Describe(about=About(group="beta")), Enable(environment="default"))
OFF = (Disable(environment="default"),)
EVERYBODY = {"default": Setting(enabled=True)}


class Store(MemoryEventStore):
    """A log that can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    async def read_log(self, *, after: int, limit: int) -> list[StoredEvent]:
        if self.away:
            raise Outage("away")
        return await super().read_log(after=after, limit=limit)

    async def tail(self) -> End:
        if self.away:
            raise Outage("away")
        return await super().tail()


@asynccontextmanager
async def following(platform: MemoryPlatform) -> AsyncIterator[FlagSets]:
    """A process whose flags follow the log."""
    platform.tail.listening = True
    work = asyncio.gather(platform.tail.run(), platform.flag_sets.run())
    try:
        yield platform.flag_sets
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def edit(
    platform: MemoryPlatform, *edits: Edit, flag: str = "beta", tenant: str = "default"
) -> int:
    command = EditFlag(flag=flag, edits=edits, at=platform.now())
    context = Context(correlation_id=uuid4(), deadline=1e12, tenant=tenant)
    return (await platform.bus.execute(command, context)).position.number


async def define(platform: MemoryPlatform, name: str, *countries: str) -> int:
    condition = Constraint(field="country", operator="IN", values=countries)
    command = DefineSegment(segment=name, description="", condition=condition, at=platform.now())
    context = Context(correlation_id=uuid4(), deadline=1e12)
    return (await platform.bus.execute(command, context)).position.number


def on(flags: FlagSet, platform: MemoryPlatform, flag: str = "beta", **more: str) -> bool:
    context = platform.services.flag_context({"userId": "7", **more}, "default")
    return flags.evaluate(flag, "default", context).enabled


async def test_a_process_evaluates_with_what_it_has_just_recorded() -> None:
    platform = MemoryPlatform()
    await edit(platform, *ON)
    flags = await platform.flag_sets.of("default")
    assert on(flags, platform)
    await edit(platform, *OFF)
    assert not on(flags, platform)


async def test_what_another_process_records_arrives_by_the_log() -> None:
    here = MemoryPlatform()
    there = MemoryPlatform(store=here.store)
    async with following(there) as sets:
        await edit(here, *ON)
        flags = await sets.of("default")
        assert on(flags, there)
        news = flags.news
        position = await edit(here, *OFF)
        await sets.reached(position)
        assert news.is_set()
        assert not on(flags, there)
        assert flags.revision == position


async def test_rows_that_are_behind_the_log_are_made_up_for() -> None:
    platform = MemoryPlatform()
    last = [await edit(platform, *each) for each in (ON, OFF, ON[1:])][-1]
    flags = await platform.flag_sets.of("default")
    assert on(flags, platform)
    assert (flags.revision, flags.position) == (last, last)
    known = flags.flag("beta")
    assert known is not None
    assert known.version == 4


async def test_tenants_have_sets_of_their_own() -> None:
    platform = MemoryPlatform()
    await edit(platform, *ON)
    theirs = await platform.flag_sets.of("other")
    assert not theirs.knows("beta")
    await edit(platform, *ON, *OFF, tenant="other")
    ours = await platform.flag_sets.of("default")
    assert on(ours, platform)
    assert not on(theirs, platform)


async def test_what_is_kept_serves_while_the_log_is_away() -> None:
    store = Store()
    platform = MemoryPlatform(store=store)
    await edit(platform, *ON)
    flags = await platform.flag_sets.of("default")
    store.away = True
    assert (await platform.flag_sets.of("default")) is flags
    assert on(flags, platform)
    with pytest.raises(Outage):
        await platform.flag_sets.of("other")
    store.away = False
    assert not (await platform.flag_sets.of("other")).knows("beta")


async def test_many_who_ask_first_read_once() -> None:
    platform = MemoryPlatform()
    await edit(platform, *ON)
    found = await asyncio.gather(*(platform.flag_sets.of("default") for _ in range(20)))
    assert len({id(each) for each in found}) == 1


async def test_a_segments_change_reaches_the_flags_that_name_it() -> None:
    platform = MemoryPlatform()
    await define(platform, "nordic", "NO")
    rules = SetRules(
        environment="default", rules=(Rule(id="a", condition=InSegment(segment="nordic")),)
    )
    await edit(platform, *ON, rules)
    flags = await platform.flag_sets.of("default")
    assert on(flags, platform, country="NO")
    assert not on(flags, platform, country="SE")
    await define(platform, "nordic", "SE")
    assert not on(flags, platform, country="NO")
    assert on(flags, platform, country="SE")


async def test_a_prerequisites_change_reaches_the_flags_that_depend_on_it() -> None:
    platform = MemoryPlatform()
    await edit(platform, *ON, flag="base")
    needs = About(group="beta", prerequisites=(Prerequisite(flag="base"),))
    await edit(platform, Describe(about=needs), Enable(environment="default"))
    flags = await platform.flag_sets.of("default")
    assert on(flags, platform)
    await edit(platform, *OFF, flag="base")
    assert not on(flags, platform)


async def test_environments_that_nobody_set_up_leave_nothing_behind() -> None:
    platform = MemoryPlatform()
    await edit(platform, *ON)
    flags = await platform.flag_sets.of("default")
    context = platform.services.flag_context({}, "x")
    for number in range(100):
        assert not flags.evaluate("beta", f"environment-{number}", context).enabled
        assert flags.kept_answers("form", f"environment-{number}") == {}
    assert flags._compiled == {}


async def test_a_flag_answers_alike_where_only_other_flags_were_set_up() -> None:
    platform = MemoryPlatform()
    await edit(platform, *ON)
    await edit(platform, ON[0], Enable(environment="production"), flag="elsewhere")
    flags = await platform.flag_sets.of("default")
    context = platform.services.flag_context({}, "default")
    flags.evaluate("beta", "default", context)
    found = [flags.evaluate("elsewhere", "default", context) for _ in range(2)]
    assert found[0] is found[1]  # callers keep its encoding by its identity
    assert not found[0].enabled


def empty() -> FlagSet:
    rows = FlagRows(position=0, incarnation=uuid4(), revision=0, flags={}, segments={})
    return FlagSet(rows)


def test_changes_are_told_as_long_as_they_are_remembered() -> None:
    flags, flag = empty(), Flag(about=About(group=""))
    for version in range(1, REMEMBERED + 1):
        flags.learn(FLAG.category, "a", Folded(version, flag), version)
    told = flags.changes_after(REMEMBERED - 2)
    assert told is not None
    assert [change.position for change in told] == [REMEMBERED - 1, REMEMBERED]
    assert flags.changes_after(0) is not None
    flags.learn(FLAG.category, "a", Folded(REMEMBERED + 1, flag), REMEMBERED + 1)
    assert flags.changes_after(0) is None
    assert flags.changes_after(1) is not None


def test_an_older_state_never_replaces_a_newer_one() -> None:
    flags = empty()
    newer, older = Flag(about=About(group="new")), Flag(about=About(group="old"))
    flags.learn(FLAG.category, "a", Folded(2, newer), 2)
    flags.learn(FLAG.category, "a", Folded(1, older), 1)
    assert flags.flags["a"] is newer
    assert flags.revision == 2


async def test_what_others_recorded_before_us_is_told_though_it_arrives_after() -> None:
    flags, views = empty(), UnleashViews()
    there = Flag(about=About(group=""), settings=EVERYBODY)
    off = Flag(about=About(group=""), settings={"default": Setting()})
    for version, key in enumerate("ab", start=1):
        flags.learn(FLAG.category, key, Folded(1, off), version)
    view = await views.of(flags, "default")
    flags.learn(FLAG.category, "a", Folded(2, there), 105)
    await views.of(flags, "default")
    told = flags.serial
    flags.learn(FLAG.category, "b", Folded(2, there), 104)
    assert flags.changes_after(told) == [Change(104, FLAG.category, "b")]
    await views.of(flags, "default")
    assert b'"enabled":true' in view.features["b"]
    assert flags.revision == view.revision == 105


def test_a_prerequisite_is_evaluated_once_however_many_ways_lead_to_it() -> None:
    flags = empty()
    for step in range(60):
        needs = tuple(Prerequisite(flag=f"{side}{step - 1}") for side in "xy" if step)
        flag = Flag(about=About(group="", prerequisites=needs), settings=EVERYBODY)
        for side in "xy":
            flags.learn(FLAG.category, f"{side}{step}", Folded(1, flag), step + 1)
    platform = MemoryPlatform()
    assert on(flags, platform, flag="x59")
    flags.learn(FLAG.category, "y0", Folded(2, Flag(about=About(group=""))), 100)
    assert not on(flags, platform, flag="x59")


async def test_unleashs_view_is_written_anew_where_something_changed() -> None:
    platform = MemoryPlatform()
    views = UnleashViews()
    await define(platform, "nordic", "NO")
    named = Rule(id="a", condition=InSegment(segment="nordic"))
    await edit(platform, *ON, SetRules(environment="default", rules=(named,)))
    await edit(platform, *ON, flag="plain")
    flags = await platform.flag_sets.of("default")
    view = await views.of(flags, "default")
    before = dict(view.features)
    assert before.keys() == {"beta", "plain"}
    await edit(platform, *OFF, flag="plain")
    again = await views.of(flags, "default")
    assert again is view
    assert view.features["plain"] != before["plain"]
    assert view.features["beta"] is before["beta"]
    await edit(platform, Archive(), flag="plain")
    await views.of(flags, "default")
    assert view.features.keys() == {"beta"}
    await define(platform, "nordic", "SE")
    await views.of(flags, "default")
    [segment] = view.segments.values()
    assert b'"SE"' in segment


async def test_a_flag_that_unleash_has_no_words_for_is_left_out() -> None:
    platform = MemoryPlatform()
    base = About(group="", prerequisites=(Prerequisite(flag="root"),))
    await edit(platform, *ON, flag="root")
    await edit(platform, Describe(about=base), Enable(environment="default"), flag="base")
    deep = About(group="", prerequisites=(Prerequisite(flag="base"),))
    await edit(platform, Describe(about=deep), Enable(environment="default"), flag="deep")
    view = await UnleashViews().of(await platform.flag_sets.of("default"), "default")
    assert view.features.keys() == {"root", "base"}
    assert "prerequisites" in view.left_out["deep"]
