"""Planned changes on Postgres, with two schedulers at work on them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters import flag_change_clock
from adapters.bootstrap import open_platform
from adapters.flag_change_clock import ReadScheduledChanges, change_clock
from adapters.platform import Platform
from application.context import Context
from application.event_store import StoredEvent
from application.flags.change_clock import Name
from application.flags.changes import EditFlag
from application.flags.planned import Planned, Pointers, ProposeChange
from application.unit import Done
from domain.flags.edits import Describe, RollOut
from domain.flags.planned import CancelFlagChange, Step
from domain.flags.state import About
from domain.recorded import DEFAULT_TENANT
from projections.flag_changes import PROJECTION, find_flag_changes
from tests.support.commands import Installation

HOUR = 3600.0


@dataclass(frozen=True)
class House:
    """An installation, and schedulers at work in it."""

    installation: Installation
    redis_url: str

    @asynccontextmanager
    async def schedulers(self, count: int) -> AsyncIterator[list[Platform]]:
        settings = msgspec.structs.replace(self.installation.settings, redis_url=self.redis_url)
        async with AsyncExitStack() as stack:
            yield [await stack.enter_async_context(open_platform(settings)) for _ in range(count)]

    async def caught_up(self) -> None:
        await asyncio.to_thread(self.installation.caught_up)


@pytest.fixture
def house(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[House]:
    installation = Installation(database_url, tmp_path / "data")
    yield House(installation, redis_url)
    installation.close()


async def execute(platform: Platform, command: object, tenant: str = DEFAULT_TENANT) -> Any:
    context = Context(
        actor="account/ada",
        tenant=tenant,
        correlation_id=platform.new_id(),
        deadline=asyncio.get_running_loop().time() + 30,
    )
    done = await platform.bus.execute(command, context)
    assert isinstance(done, Done)
    return done.result


async def define(platform: Platform, flag: str, tenant: str = DEFAULT_TENANT) -> None:
    edits = (Describe(about=About(group=flag)),)
    await execute(platform, EditFlag(flag=flag, edits=edits, at=platform.now()), tenant)


async def propose(
    platform: Platform, flag: str, *pauses: float, tenant: str = DEFAULT_TENANT
) -> str:
    steps = tuple(
        Step(edits=(RollOut(environment="default", rollout=number),), pause=pause)
        for number, pause in enumerate(pauses, start=1)
    )
    command = ProposeChange(
        flag=flag,
        steps=steps,
        pointers=(Pointers(at="", edits=("",)),) * len(steps),
        version=None,
        reason="",
        at=platform.now(),
    )
    planned = await execute(platform, command, tenant)
    assert isinstance(planned, Planned)
    return planned.id


async def completed(platform: Platform, changes: set[str]) -> list[StoredEvent]:
    """Wait until all are; the whole log up to then."""
    log: list[StoredEvent] = []
    async for page in platform.tail.follow(0):
        log += page
        changes -= {
            each.stream.partition("/")[2] for each in page if each.type == "flag_change.completed"
        }
        if not changes:
            return log
    raise AssertionError


async def test_two_schedulers_carry_each_step_out_once(house: House) -> None:
    async with house.schedulers(2) as schedulers:
        clocks = []
        for scheduler in schedulers:
            scheduler.follow_log()
            clocks.append(asyncio.create_task(change_clock(scheduler).run()))
        flags = [f"flag-{number}" for number in range(10)]
        for flag in flags:
            await define(schedulers[0], flag)
        ids = {await propose(schedulers[0], flag, 0.1, 0.02, 0.02) for flag in flags}
        log = await completed(schedulers[1], set(ids))
        for clock in clocks:
            clock.cancel()
        await asyncio.gather(*clocks, return_exceptions=True)
    steps = Counter(each.stream for each in log if each.type == "flag_change.step_carried_out")
    assert steps == Counter({f"flag-change/{id_}": 3 for id_ in ids})
    rollouts: dict[str, list[int]] = {}
    for each in log:
        if each.type == "flag.rolled_out":
            rollout = msgspec.json.decode(each.data)["rollout"]
            rollouts.setdefault(each.stream, []).append(rollout)
    assert rollouts == {f"flag/{flag}": [1, 2, 3] for flag in flags}


async def test_a_scheduler_finds_what_is_scheduled_in_every_tenant(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flag_change_clock, "_PAGE", 2)
    async with house.schedulers(1) as [scheduler]:
        expected = set()
        for tenant in (DEFAULT_TENANT, "other"):
            await define(scheduler, "beta", tenant)
            for _ in range(5):
                id_ = await propose(scheduler, "beta", HOUR, tenant=tenant)
                expected.add(Name(tenant, id_))
        gone = await propose(scheduler, "beta", HOUR)
        await execute(scheduler, CancelFlagChange(change=gone, reason="", at=scheduler.now()))
        await propose(scheduler, "beta", 0.0)
        await house.caught_up()
        rows = ReadScheduledChanges(scheduler.readers, scheduler.read_models)
        position, pages = await rows.scheduled()
        found = [name async for page in pages for name, _ in page]
        assert position == (await scheduler.store.tail()).position
    assert len(found) == len(set(found))
    assert set(found) == expected


async def test_lists_are_newest_first_by_flag_and_by_state(house: House) -> None:
    async with house.schedulers(1) as [scheduler]:
        for flag in ("beta", "gamma"):
            await define(scheduler, flag)
        done = await propose(scheduler, "beta", 0.0)
        waiting = await propose(scheduler, "beta", HOUR)
        other = await propose(scheduler, "gamma", HOUR)
        await house.caught_up()
        async with scheduler.read_models.rows(PROJECTION, DEFAULT_TENANT) as rows:
            everything = await find_flag_changes(rows)
            of_beta = await find_flag_changes(rows, flag="beta")
            scheduled = await find_flag_changes(rows, state="scheduled", limit=1)
            behind = await find_flag_changes(rows, state="scheduled", before=other)
    assert [row.id for row in everything] == [other, waiting, done]
    assert [(row.id, row.state, row.done) for row in of_beta] == [
        (waiting, "scheduled", 0),
        (done, "completed", 1),
    ]
    assert [row.id for row in scheduled] == [other]
    assert [row.id for row in behind] == [waiting]
