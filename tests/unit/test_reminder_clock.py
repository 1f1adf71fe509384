"""The clock over ports in memory: what is due fires once, whoever looks and whatever is lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from adapters.capabilities import DECIDERS, UPCASTS
from adapters.memory.due_set import MemoryDueSet
from adapters.memory.event_store import MemoryEventStore
from adapters.memory.vault import MemoryVault
from application.bus import Bus
from application.codec import EventCodec
from application.context import Context
from application.due_set import DueSet, Name, Taken
from application.event_store import Outage, StoredEvent
from application.pipeline import Pipeline
from application.reminder_clock import Pace, ReminderClock
from application.reminders import (
    FireOutcome,
    FireReminder,
    FireReminderHandler,
    LoggedReminders,
    MakeReminder,
    MakeReminderHandler,
)
from application.tail import Tail
from application.unit import Done
from domain.channels import LogChannel, Route
from domain.reminders import Once, Recurring, Schedule, ScheduleReminder
from domain.retries import RetryPolicy


class NoRows:
    """A read model that has seen nothing yet: a rebuild then reads the whole log."""

    async def pending(self) -> tuple[int, AsyncIterator[Sequence[tuple[Name, datetime]]]]:
        async def nothing() -> AsyncIterator[Sequence[tuple[Name, datetime]]]:
            for page in ():
                yield page

        return 0, nothing()


class Unsteady(MemoryDueSet):
    """Does not answer as often as it is told not to."""

    outages = 0

    async def take(self, now: datetime, *, limit: int, lease: timedelta) -> Taken:
        if self.outages:
            self.outages -= 1
            raise Outage("away")
        return await super().take(now, limit=limit, lease=lease)


class Bench:
    """A log, its tail, and what makes and fires reminders on it."""

    def __init__(self) -> None:
        self.store = MemoryEventStore()
        self.codec = EventCodec(DECIDERS, MemoryVault(), UPCASTS)
        self.tail = Tail(self.store)
        self.bus = Bus(
            Pipeline(self.store, self.codec, uuid4),
            {
                MakeReminder: MakeReminderHandler(uuid4),
                FireReminder: FireReminderHandler(self.now, uuid4),
            },
        )
        self.ahead = timedelta()
        self.fires = 0
        self.source = LoggedReminders(NoRows(), self.store, self.codec)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def execute(self, command: object, tenant: str = "default") -> Any:
        deadline = asyncio.get_running_loop().time() + 5
        context = Context(correlation_id=uuid4(), deadline=deadline, tenant=tenant)
        done = await self.bus.execute(command, context)
        self.tail.wake()
        assert isinstance(done, Done)
        return done.result

    async def make(
        self,
        due: timedelta = timedelta(),
        schedule: Schedule | None = None,
        tenant: str = "default",
    ) -> str:
        at = self.now()
        command = ScheduleReminder(
            owner="ada",
            title="tea",
            body=None,
            schedule=schedule or Once(at=at + due),
            route=Route(channel=LogChannel()),
            retry=RetryPolicy(),
            new_secret="",
            at=at,
        )
        return str((await self.execute(MakeReminder(schedule=command, own=False), tenant)).id)

    async def fire(self, name: Name) -> FireOutcome:
        self.fires += 1
        outcome = await self.execute(FireReminder(reminder=name.reminder), name.tenant)
        assert isinstance(outcome, FireOutcome)
        return outcome

    def clock(self, due: DueSet, **pace: float) -> ReminderClock:
        return ReminderClock(
            due,
            self.source,
            self.tail,
            self.codec,
            self.fire,
            now=self.now,
            pace=Pace(**pace),  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def running(self, *clocks: ReminderClock) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each.run()) for each in (self.tail, *clocks)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def fired(self, count: int) -> list[StoredEvent]:
        """Wait until so many occurrences have fired."""
        found: list[StoredEvent] = []
        async for page in self.tail.follow(0):
            found += [event for event in page if event.type == "reminder.fired"]
            if len(found) >= count:
                return found
        raise AssertionError


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_what_is_due_fires_with_its_delivery(bench: Bench) -> None:
    async with bench.running(bench.clock(MemoryDueSet())):
        id_ = await bench.make()
        [event] = await bench.fired(1)
    assert event.stream == f"reminder/{id_}"
    following = await bench.store.read_log(after=event.position, limit=1)
    assert [each.type for each in following] == ["delivery.queued"]


async def test_what_is_due_fires_in_its_tenant(bench: Bench) -> None:
    async with bench.running(bench.clock(MemoryDueSet())):
        made = {(tenant, await bench.make(tenant=tenant)) for tenant in ("one", "two")}
        events = await bench.fired(2)
    assert {(event.tenant, event.stream.partition("/")[2]) for event in events} == made


async def test_it_sleeps_until_something_is_due_and_no_longer(bench: Bench) -> None:
    clock = bench.clock(MemoryDueSet(), longest_sleep=3600.0)
    async with bench.running(clock):
        await bench.make(timedelta(hours=1))
        await bench.make(timedelta(milliseconds=80))
        [event] = await bench.fired(1)
        data = (await bench.codec.decode([event]))[0].event
    assert event.recorded_at >= data.due_at
    assert bench.fires == 1


async def test_two_clocks_on_one_set_fire_each_once(bench: Bench) -> None:
    due = MemoryDueSet()
    async with bench.running(bench.clock(due), bench.clock(due)):
        made = [await bench.make() for _ in range(20)]
        events = await bench.fired(20)
    assert sorted(event.stream for event in events) == sorted(f"reminder/{id_}" for id_ in made)


async def test_two_clocks_that_both_take_everything_fire_each_once(bench: Bench) -> None:
    """Each has a set of its own, so both try: only the stream decides."""
    made = {await bench.make() for _ in range(20)}
    sets = [MemoryDueSet(position=None), MemoryDueSet(position=None)]
    for due in sets:
        await due.rebuild(bench.source)
    await asyncio.gather(*(bench.clock(due).once() for due in sets))
    log = await bench.store.read_log(after=0, limit=1000)
    fired = [event.stream for event in log if event.type == "reminder.fired"]
    assert bench.fires == 40
    assert sorted(fired) == sorted(f"reminder/{id_}" for id_ in made)


async def test_a_lost_set_is_rebuilt_from_the_log(bench: Bench) -> None:
    due = MemoryDueSet()
    async with bench.running(bench.clock(due, longest_sleep=0.01)):
        early = await bench.make()
        await bench.fired(1)
        late = await bench.make(timedelta(milliseconds=60))
        due.lose()
        events = await bench.fired(2)
    assert [event.stream for event in events] == [f"reminder/{early}", f"reminder/{late}"]


async def test_an_outage_of_the_set_is_outlived(bench: Bench) -> None:
    due = Unsteady()
    due.outages = 3
    async with bench.running(bench.clock(due, pause=0.001)):
        await bench.make()
        await bench.fired(1)
    assert due.outages == 0


async def test_who_comes_late_fires_one_of_those_that_were_missed(bench: Bench) -> None:
    every_minute = Recurring(cron="* * * * *", time_zone="UTC")
    await bench.make(schedule=every_minute)
    bench.ahead = timedelta(minutes=10)
    async with bench.running(bench.clock(MemoryDueSet())):
        [event] = await bench.fired(1)
        data = (await bench.codec.decode([event]))[0].event
        await bench.make()
        events = await bench.fired(2)
    assert data.late
    assert data.next_at > bench.now() - timedelta(seconds=30)
    assert len(events) == 2


async def test_what_is_taken_too_early_is_given_back(bench: Bench) -> None:
    due, id_ = MemoryDueSet(), await bench.make(timedelta(hours=1))
    soon = bench.now()
    name = Name("default", id_)
    due._due[name] = soon
    taken = await bench.clock(due).once()
    assert list(taken.names) == [name]
    assert due._due[name] > soon + timedelta(minutes=59)
