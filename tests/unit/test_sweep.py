"""What the sweep sends again, and what it leaves alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from application.effects import EffectState, Scanned, Ticket
from application.event_store import EffectId, Outage, StoredEvent
from application.sweep import Pace, Sweep

PACE = Pace(every=1, grace=5, busy=32, longest_wait=60, longest_pause=300, page=10, memory=100)


class World:
    """Effects that are what the test says, at a time that it says, and a broker."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.effects: dict[EffectId, EffectState] = {}
        self.sent: list[Ticket] = []
        self.is_up = True
        self.waiting = 0
        self.is_away = False
        self.looked_at = 0
        self.scanned = 0

    def effect(self, position: int, *, age: float = 10, **changes: object) -> EffectId:
        id_ = EffectId(tenant="default", reaction="jobs", position=position)
        at = self.now - timedelta(seconds=age)
        state = EffectState(
            effect=id_, kind="k", attempts=0, done=False, lost=False, asked_at=at, ready_at=at
        )
        self.effects[id_] = state
        self.change(id_, **changes)
        return id_

    def change(self, id_: EffectId, **changes: object) -> None:
        fields = {name: getattr(self.effects[id_], name) for name in EffectState.__struct_fields__}
        self.effects[id_] = EffectState(**{**fields, **changes})

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def positions(self) -> list[int]:
        sent = [ticket.position for ticket in self.sent]
        self.sent.clear()
        return sent

    async def states(self, effects: Sequence[EffectId]) -> list[EffectState | None]:
        if self.is_away:
            raise Outage("away")
        self.looked_at += len(effects)
        return [self.effects.get(each) for each in effects]

    async def events(self, positions: Sequence[int]) -> dict[int, StoredEvent]:
        raise AssertionError(positions)

    async def unfinished(
        self, reaction: str, *, after: int, older_than: float, limit: int
    ) -> Scanned:
        if self.is_away:
            raise Outage("away")
        page = []
        for id_, state in sorted(self.effects.items(), key=lambda each: each[0].position):
            if id_.reaction != reaction or id_.position <= after:
                continue
            if state.asked_at > self.now - timedelta(seconds=older_than) or len(page) == limit:
                break
            page.append(state)
        self.scanned += len(page)
        return Scanned(
            unfinished=tuple(each.effect for each in page if not each.done),
            upto=page[-1].effect.position if page else after,
            full=len(page) == limit,
        )

    async def send(self, tickets: Sequence[Ticket], *, delay: float = 0.0) -> bool:
        assert delay == 0
        if self.is_up:
            self.sent += tickets
        return self.is_up

    async def backlog(self) -> int | None:
        return self.waiting if self.is_up else None

    def sweep(self, pace: Pace = PACE) -> Sweep:
        return Sweep(self, self, ["jobs"], now=lambda: self.now, chance=lambda: 0.0, pace=pace)


@pytest.fixture
def world() -> World:
    return World()


async def test_what_the_broker_lost_is_sent_again(world: World) -> None:
    world.effect(1)
    world.effect(2, done=True)
    world.effect(3, attempts=2)
    assert await world.sweep().once() == 2
    assert world.sent == [Ticket("jobs", "default", 1, 1), Ticket("jobs", "default", 3, 3)]


async def test_what_is_young_is_left_to_the_broker(world: World) -> None:
    world.effect(1, age=4)
    sweep = world.sweep()
    assert await sweep.once() == 0
    world.pass_time(2)
    assert await sweep.once() == 1


async def test_an_effect_that_is_due_later_is_sent_then(world: World) -> None:
    world.effect(1, age=10, ready_at=world.now + timedelta(seconds=30))
    sweep = world.sweep()
    assert await sweep.once() == 0
    world.pass_time(34)
    assert await sweep.once() == 0
    world.pass_time(2)
    assert await sweep.once() == 1


async def test_what_was_too_late_for_the_broker_is_sent_when_it_is_due(world: World) -> None:
    world.effect(1, age=10, ready_at=world.now + timedelta(hours=1))
    sweep = world.sweep()
    assert await sweep.once() == 0
    world.pass_time(3599)
    assert await sweep.once() == 0
    world.pass_time(1)
    assert await sweep.once() == 1


async def test_a_lost_attempt_is_made_again_when_its_lease_is_over(world: World) -> None:
    lease = world.now + timedelta(seconds=20)
    world.effect(1, attempts=1, lost=True, asked_at=world.now - timedelta(9), ready_at=lease)
    sweep = world.sweep()
    assert await sweep.once() == 0
    world.pass_time(20)
    assert await sweep.once() == 1
    assert world.sent == [Ticket("jobs", "default", 1, 2)]


async def test_the_same_ticket_is_sent_more_and_more_seldom(world: World) -> None:
    world.effect(1)
    sweep = world.sweep()
    times = []
    for second in range(1000):
        if await sweep.once():
            times.append(second)
        world.pass_time(1)
    pauses = [after - before for before, after in pairwise(times)]
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]


async def test_the_next_attempt_of_an_effect_is_a_new_ticket(world: World) -> None:
    id_ = world.effect(1)
    sweep = world.sweep()
    assert await sweep.once() == 1
    world.pass_time(5)
    assert await sweep.once() == 1
    world.change(id_, attempts=1, asked_at=world.now, ready_at=world.now)
    world.pass_time(10)
    assert await sweep.once() == 1
    world.pass_time(5)
    assert await sweep.once() == 1


async def test_what_waits_in_a_busy_queue_is_not_sent_twice(world: World) -> None:
    world.effect(1)
    world.waiting = 1000
    sweep = world.sweep()
    for _ in range(10):
        assert await sweep.once() == 0
        world.pass_time(5)
    world.waiting = 0  # flushed
    assert await sweep.once() == 1


async def test_a_queue_that_is_always_busy_hides_a_loss_for_a_minute_only(world: World) -> None:
    world.effect(1)
    world.waiting = 1000
    sweep = world.sweep()
    sent = 0
    for _ in range(15):
        sent += await sweep.once()
        world.pass_time(5)
    assert sent == 1


async def test_a_lost_attempt_does_not_wait_for_a_busy_queue(world: World) -> None:
    world.effect(1, attempts=1, lost=True)
    world.waiting = 1000
    assert await world.sweep().once() == 1


async def test_nothing_is_lost_while_the_broker_is_away(world: World) -> None:
    for position in range(1, 8):
        world.effect(position)
    sweep = world.sweep()
    world.is_up = False
    for _ in range(20):
        await sweep.once()
        world.pass_time(5)
    world.is_up = True
    world.pass_time(5)
    await sweep.once()
    assert sorted(world.positions()) == list(range(1, 8))


async def test_nothing_is_lost_while_the_database_is_away(world: World) -> None:
    world.effect(1)
    sweep = world.sweep()
    await sweep.once()
    world.positions()
    world.pass_time(100)
    world.is_away = True
    with pytest.raises(Outage):
        await sweep.once()
    world.is_away = False
    assert await sweep.once() == 1


async def test_what_is_done_costs_nothing_any_more(world: World) -> None:
    for position in range(1, 201):
        world.effect(position, done=True)
    stuck = world.effect(201)
    for position in range(202, 402):
        world.effect(position, done=True)
    sweep = world.sweep()
    await sweep.once()
    scanned = world.scanned
    assert scanned == 401
    world.looked_at = 0
    for _ in range(100):
        world.pass_time(1)
        await sweep.once()
    assert world.scanned == scanned
    assert world.looked_at < 10
    assert sweep.unfinished == 1
    world.change(stuck, done=True)
    world.pass_time(1000)
    await sweep.once()
    assert sweep.unfinished == 0


async def test_an_effect_whose_range_was_dropped_is_forgotten(world: World) -> None:
    id_ = world.effect(1)
    sweep = world.sweep()
    await sweep.once()
    del world.effects[id_]
    world.pass_time(1000)
    await sweep.once()
    assert sweep.unfinished == 0


async def test_a_pass_is_bounded_and_all_come_in_turn(world: World) -> None:
    for position in range(1, 36):
        world.effect(position)
    sweep = world.sweep()
    counts = [await sweep.once() for _ in range(5)]
    assert counts == [10, 10, 10, 5, 0]
    assert sorted(world.positions()) == list(range(1, 36))


async def test_memory_is_bounded_and_the_rest_comes_later(world: World) -> None:
    for position in range(1, 61):
        world.effect(position)
    sweep = world.sweep(Pace(grace=5, page=10, memory=20))
    came: set[int] = set()
    for _ in range(20):
        await sweep.once()
        assert sweep.unfinished <= 20
        for ticket in world.sent:
            world.change(ticket.effect, done=True)
        came.update(world.positions())
        world.pass_time(1000)
    assert came == set(range(1, 61))
