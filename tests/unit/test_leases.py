"""How long an attempt may be silent."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from application.event_store import EffectId, Outage
from application.leases import MARGIN, WHOLE, Lease

EFFECT = EffectId(tenant="system", reaction="backups", position=7)
HOURS = 12 * 3600.0


class World:
    """A clock, and where leases are noted unless that is away."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)
        self.noted: list[datetime] = []
        self.released = 0
        self.is_away = False
        self.renewed = asyncio.Event()

    def now(self) -> datetime:
        return self.at

    def pass_time(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    async def renew(self, effect: EffectId, attempt: int, until: datetime) -> None:
        assert (effect, attempt) == (EFFECT, 2)
        self.renewed.set()
        if self.is_away:
            raise Outage("away")
        self.noted.append(until)

    async def release(self, effect: EffectId, attempt: int) -> None:
        assert (effect, attempt) == (EFFECT, 2)
        self.released += 1

    def lease(self, patience: float, length: float = 0.03) -> Lease:
        return Lease(EFFECT, 2, patience, leases=self, now=self.now, length=length)


@pytest.fixture
async def world() -> World:
    return World()


def after(world: World, seconds: float) -> datetime:
    return world.at + timedelta(seconds=seconds)


async def test_what_takes_minutes_has_one_lease(world: World) -> None:
    lease = world.lease(WHOLE)
    assert lease.until == after(world, WHOLE + MARGIN)
    async with lease.held():
        pass
    await lease.release()
    assert (world.noted, world.released) == ([], 0)


async def test_what_takes_hours_has_a_short_one_that_is_renewed(world: World) -> None:
    lease = world.lease(HOURS)
    assert lease.until == after(world, 0.03 + MARGIN)
    async with lease.held():
        await world.renewed.wait()
        world.renewed.clear()
        world.pass_time(1)
        await world.renewed.wait()
    assert lease.until == world.noted[-1] == after(world, 0.03 + MARGIN)
    await lease.release()
    assert world.released == 1


async def test_without_a_place_to_note_it_the_lease_is_whole(world: World) -> None:
    lease = Lease(EFFECT, 2, HOURS, leases=None, now=world.now)
    assert lease.until == after(world, HOURS + MARGIN)


async def test_work_ends_before_a_lease_that_cannot_be_renewed(world: World) -> None:
    world.is_away = True
    lease = world.lease(HOURS)
    world.pass_time(MARGIN / 2 + 0.01)
    with pytest.raises(TimeoutError):
        async with lease.held():
            await asyncio.Event().wait()
    assert world.now() < lease.until


async def test_an_outage_that_passes_ends_nothing(world: World) -> None:
    world.is_away = True
    lease = world.lease(HOURS, length=0.06)
    async with lease.held():
        await world.renewed.wait()
        world.is_away = False
        world.renewed.clear()
        await world.renewed.wait()
    assert world.noted


async def test_patience_ends_however_often_the_lease_is_renewed(world: World) -> None:
    lease = world.lease(HOURS)
    world.pass_time(HOURS - 0.02)
    with pytest.raises(TimeoutError):
        async with lease.held():
            await asyncio.Event().wait()
