"""The clock over a log in memory: a step that is due is carried out once, whoever looks."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from application.context import Context
from application.event_store import Outage, StoredEvent
from application.flags.change_clock import ChangeClock, Name, Pace
from application.flags.changes import EditFlag
from application.flags.planned import CarryOutChange, Pointers, ProposeChange
from application.unit import Done
from domain.flags.edits import Describe, RollOut
from domain.flags.planned import PauseFlagChange, Running, Step
from domain.flags.state import About
from tests.support.http_platform import MemoryPlatform

HOUR = timedelta(hours=1)
QUICK = Pace(pause=0.01)


@dataclass
class Rows:
    """A read model that has seen nothing, or what it is given; away as often as it is told."""

    known: list[tuple[Name, datetime]] = field(default_factory=list)
    position: int = 0
    outages: int = 0

    async def scheduled(self) -> tuple[int, AsyncIterator[Sequence[tuple[Name, datetime]]]]:
        if self.outages:
            self.outages -= 1
            raise Outage("it is being built")

        async def pages() -> AsyncIterator[Sequence[tuple[Name, datetime]]]:
            yield self.known

        return self.position, pages()


class Bench:
    """A log with a flag, and clocks that look at a time which a test sets."""

    def __init__(self) -> None:
        self.platform = MemoryPlatform()
        self.ahead = timedelta()
        self.outages = 0

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def execute(self, command: object, tenant: str = "default") -> Any:
        deadline = asyncio.get_running_loop().time() + 5
        context = Context(
            actor="account/a", correlation_id=uuid4(), deadline=deadline, tenant=tenant
        )
        done = await self.platform.bus.execute(command, context)
        self.platform.tail.wake()
        assert isinstance(done, Done)
        return done.result

    async def define(self, tenant: str = "default") -> None:
        edits = (Describe(about=About(group="beta")),)
        await self.execute(EditFlag(flag="beta", edits=edits, at=self.now()), tenant)

    async def propose(self, *pauses: timedelta, tenant: str = "default") -> str:
        steps = tuple(
            Step(
                edits=(RollOut(environment="default", rollout=number),),
                pause=pause.total_seconds(),
            )
            for number, pause in enumerate(pauses)
        )
        pointers = (Pointers(at="", edits=("",)),) * len(steps)
        command = ProposeChange(
            flag="beta", steps=steps, pointers=pointers, version=None, reason="", at=self.now()
        )
        return str((await self.execute(command, tenant)).id)

    async def carry_out(self, name: Name) -> datetime | None:
        if self.outages:
            self.outages -= 1
            raise Outage("the log does not answer")
        command = CarryOutChange(change=name.change, at=self.now())
        change = (await self.execute(command, name.tenant)).change
        return change.next_at if isinstance(change, Running) else None

    def clock(
        self, rows: Rows | None = None, carry_out: Callable[[Name], Any] | None = None
    ) -> ChangeClock:
        return ChangeClock(
            rows or Rows(),
            self.platform.tail,
            self.platform.codec,
            carry_out or self.carry_out,
            now=self.now,
            pace=QUICK,
        )

    @asynccontextmanager
    async def running(self, *clocks: ChangeClock) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each.run()) for each in (self.platform.tail, *clocks)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def seen(self, type_: str, count: int) -> list[StoredEvent]:
        """Wait until the log has so many events of a type."""
        found: list[StoredEvent] = []
        async for page in self.platform.tail.follow(0):
            found += [event for event in page if event.type == type_]
            if len(found) >= count:
                return found
        raise AssertionError

    async def seen_now(self, type_: str) -> list[StoredEvent]:
        log = await self.platform.store.read_log(after=0, limit=1000)
        return [event for event in log if event.type == type_]


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.define()
    return bench


COMPLETED = "flag_change.completed"
SHORT = timedelta(milliseconds=30)


async def test_no_step_comes_before_its_time(bench: Bench) -> None:
    async with bench.running(bench.clock()):
        id_ = await bench.propose(SHORT, SHORT, SHORT)
        await bench.seen(COMPLETED, 1)
    steps = await bench.seen_now("flag_change.step_carried_out")
    assert [each.stream for each in steps] == [f"flag-change/{id_}"] * 3
    for earlier, later in pairwise(steps):
        due = msgspec.json.decode(earlier.data)["next_at"]
        assert datetime.fromisoformat(due) <= later.recorded_at


async def test_a_step_and_what_it_does_to_the_flag_are_one(bench: Bench) -> None:
    async with bench.running(bench.clock()):
        id_ = await bench.propose(SHORT)
        [completed] = await bench.seen(COMPLETED, 1)
    log = await bench.platform.store.read_log(after=completed.position - 2, limit=3)
    assert {(each.stream, each.type) for each in log} == {
        ("flag/beta", "flag.rolled_out"),
        (f"flag-change/{id_}", "flag_change.step_carried_out"),
        (f"flag-change/{id_}", COMPLETED),
    }
    assert len({each.correlation_id for each in log}) == 1


async def test_three_clocks_carry_a_step_out_once(bench: Bench) -> None:
    async with bench.running(*(bench.clock() for _ in range(3))):
        for _ in range(20):
            await bench.propose(SHORT, SHORT)
        await bench.seen(COMPLETED, 20)
    steps = await bench.seen_now("flag_change.step_carried_out")
    assert len(steps) == 40
    assert len({(each.stream, each.data) for each in steps}) == 40


async def test_what_was_due_while_no_clock_ran_is_carried_out_late(bench: Bench) -> None:
    await bench.propose(HOUR)
    bench.ahead = 3 * HOUR
    async with bench.running(bench.clock()):
        await bench.seen(COMPLETED, 1)


async def test_a_clock_begins_with_what_the_read_model_has(bench: Bench) -> None:
    id_ = await bench.propose(HOUR)
    bench.ahead = 2 * HOUR
    tail = await bench.platform.store.tail()
    rows = Rows([(Name("default", id_), bench.now() - HOUR)], position=tail.position, outages=2)
    async with bench.running(bench.clock(rows)):
        await bench.seen(COMPLETED, 1)
    assert rows.outages == 0


async def test_each_tenant_has_its_own(bench: Bench) -> None:
    await bench.define("other")
    async with bench.running(bench.clock()):
        await bench.propose(SHORT)
        await bench.propose(SHORT, tenant="other")
        completed = await bench.seen(COMPLETED, 2)
    assert {each.tenant for each in completed} == {"default", "other"}


async def test_an_outage_is_waited_out(bench: Bench) -> None:
    bench.outages = 3
    async with bench.running(bench.clock()):
        await bench.propose(SHORT)
        await bench.seen(COMPLETED, 1)
    assert bench.outages == 0


async def test_one_that_cannot_be_carried_out_keeps_nobody_waiting(bench: Bench) -> None:
    broken = await bench.propose(timedelta(milliseconds=1))

    async def carry_out(name: Name) -> datetime | None:
        if name.change == broken:
            raise RuntimeError(broken)
        return await bench.carry_out(name)

    async with bench.running(bench.clock(carry_out=carry_out)):
        sound = await bench.propose(SHORT)
        [completed] = await bench.seen(COMPLETED, 1)
    assert completed.stream == f"flag-change/{sound}"


async def test_what_is_paused_is_left_alone(bench: Bench) -> None:
    async with bench.running(bench.clock()):
        paused = await bench.propose(HOUR)
        await bench.execute(PauseFlagChange(change=paused, at=bench.now()))
        bench.ahead = 2 * HOUR
        running = await bench.propose(SHORT)
        await bench.seen(COMPLETED, 1)
    [step] = await bench.seen_now("flag_change.step_carried_out")
    assert step.stream == f"flag-change/{running}"
