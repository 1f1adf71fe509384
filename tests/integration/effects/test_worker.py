"""Tickets through Dramatiq and a real Redis: flushed, stopped, doubled, delayed."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis as redis_py

from adapters.dramatiq.broker import QUEUE, close_broker, open_broker
from adapters.dramatiq.sender import DramatiqSender
from adapters.dramatiq.worker import DramatiqWorker
from adapters.memory.vault import MemoryVault
from application.effects import Ticket
from application.sweep import Pace, Sweep
from tests.support.jobs_plant import DOWN, Ledger, Plant, plant
from tests.support.private_valkey import PrivateValkey

EAGER = Pace(every=0.05, grace=0.2)


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[PrivateValkey]:
    server = PrivateValkey(tmp_path)
    await server.start()
    yield server
    await server.stop()


class Working:
    """A plant whose outbox is Dramatiq, with or without a worker."""

    def __init__(self, process: Plant, url: str, namespace: str) -> None:
        self.plant = process
        self.broker = open_broker(url, namespace)
        self.lost = 0
        self.sender = DramatiqSender(self.broker, on_lost=self._count)
        process.outbox = process.runner._sender = self.sender
        self.worker: DramatiqWorker | None = None

    def _count(self, tickets: int) -> None:
        self.lost += tickets

    def work(self) -> None:
        self.worker = DramatiqWorker(self.broker, self.plant.runner, threads=2)
        self.worker.start()

    async def stop(self, within: float = 5.0) -> None:
        if self.worker is not None:
            await self.worker.drain(within)
            self.worker = None


@asynccontextmanager
async def working(
    url: str, redis_url: str, vault: MemoryVault, ledger: Ledger, namespace: str = "test"
) -> AsyncIterator[Working]:
    async with plant(url, vault, ledger=ledger) as process:
        one = Working(process, redis_url, namespace)
        try:
            yield one
        finally:
            await one.stop()
            one.sender.close()
            close_broker(one.broker)


@asynccontextmanager
async def sweeping(process: Working) -> AsyncIterator[Sweep]:
    sweep = Sweep(
        process.plant.register, process.sender, ["jobs"], now=process.plant.clock, pace=EAGER
    )
    task = asyncio.create_task(sweep.run())
    try:
        yield sweep
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    while not await true():  # noqa: ASYNC110 - only asking the log tells
        await asyncio.sleep(0.02)


async def know(sweep: Sweep, count: int) -> bool:
    return sweep.unfinished >= count


async def all_in(process: Plant, jobs: list[str], phase: str) -> bool:
    return all([(await process.job(job)).phase == phase for job in jobs])


async def test_jobs_travel_through_the_broker(database_url: str, valkey: PrivateValkey) -> None:
    ledger = Ledger()
    async with working(database_url, valkey.url, MemoryVault(), ledger) as one:
        await one.plant.define()
        one.work()
        jobs = await one.plant.queue(100)
        await one.plant.react()
        await one.plant.ended(100)
        assert await all_in(one.plant, jobs, "succeeded")
        assert sorted(each.job for each in ledger.attempts) == sorted(jobs)


async def test_a_message_holds_ids_and_nothing_else(
    database_url: str, valkey: PrivateValkey
) -> None:
    async with working(database_url, valkey.url, MemoryVault(), Ledger()) as one:
        await one.plant.define()
        await one.plant.queue(40)
        await one.plant.react()
        client: Any = redis_py.Redis.from_url(valkey.url, decode_responses=True)
        dump = client.hgetall(f"test:{QUEUE}.msgs").values()
        client.close()
        assert len(dump) == 2
        for message in dump:
            sent = json.loads(message)
            (tickets,) = sent["args"]
            assert sent["kwargs"] == {}
            assert {(reaction, tenant, n) for reaction, tenant, _, n in tickets} == {
                ("jobs", "default", 1)
            }
            assert all(type(position) is int for _, _, position, _ in tickets)
            assert set(sent["options"]) <= {"redis_message_id"}
        assert await one.sender.backlog() == 2


async def test_a_failed_attempt_comes_back_after_its_pause(
    database_url: str, valkey: PrivateValkey
) -> None:
    ledger = Ledger()
    ledger.answers = [DOWN, DOWN]
    async with working(database_url, valkey.url, MemoryVault(), ledger) as one:
        await one.plant.define(max_attempts=5, base=0.2, cap=0.2)
        one.work()
        jobs = await one.plant.queue()
        await one.plant.react()
        await one.plant.ended(3)
        assert await all_in(one.plant, jobs, "succeeded")
        assert [each.number for each in ledger.attempts] == [1, 2, 3]


async def test_a_flushed_redis_loses_nothing_and_doubles_nothing(
    database_url: str, valkey: PrivateValkey
) -> None:
    ledger = Ledger()
    async with working(database_url, valkey.url, MemoryVault(), ledger) as one:
        await one.plant.define(max_attempts=5, base=0.3, cap=0.3)
        ledger.answers = [DOWN] * 20
        jobs = await one.plant.queue(200)
        client: Any = redis_py.Redis.from_url(valkey.url)
        await one.plant.react()
        client.flushall()  # before anything was fetched
        one.work()
        async with sweeping(one):
            await one.plant.ended(50)
            client.flushall()  # with messages fetched, delayed and waiting
            await until(lambda: all_in(one.plant, jobs, "succeeded"))
        client.close()
        counts = [each.job for each in ledger.attempts]
        assert len(counts) == 220
        assert set(counts) == set(jobs)
        for job in jobs:
            assert (await one.plant.types(job)).count("succeeded") == 1


async def test_two_workers_and_two_sweeps_share_the_work(
    database_url: str, valkey: PrivateValkey
) -> None:
    vault, ledger = MemoryVault(), Ledger()
    async with (
        working(database_url, valkey.url, vault, ledger) as one,
        working(database_url, valkey.url, vault, ledger) as two,
    ):
        await one.plant.define()
        one.work()
        two.work()
        async with sweeping(one), sweeping(two):
            jobs = await one.plant.queue(300)
            await one.plant.react()
            await until(lambda: all_in(one.plant, jobs, "succeeded"))
        assert sorted(each.job for each in ledger.attempts) == sorted(jobs)


async def test_a_worker_killed_in_flight_is_replaced_by_another(
    database_url: str, valkey: PrivateValkey
) -> None:
    vault, ledger, other = MemoryVault(), Ledger(), Ledger()
    async with working(database_url, valkey.url, vault, other) as survivor:
        await survivor.plant.define()
        async with working(database_url, valkey.url, vault, ledger) as killed:
            ledger.gate.clear()
            jobs = await killed.plant.queue(10)
            await killed.plant.react()
            killed.work()
            while len(ledger.attempts) < 10:
                ledger.reached.clear()
                await ledger.reached.wait()
            await killed.stop(0)
        survivor.work()
        await survivor.plant.expire()
        async with sweeping(survivor):
            await until(lambda: all_in(survivor.plant, jobs, "succeeded"))
        assert sorted(each.job for each in other.attempts) == sorted(jobs)
        assert {each.number for each in other.attempts} == {2}


async def test_a_stopped_worker_gives_back_what_it_has_not_begun(
    database_url: str, valkey: PrivateValkey
) -> None:
    vault, ledger = MemoryVault(), Ledger()
    async with (
        working(database_url, valkey.url, vault, ledger) as first,
        working(database_url, valkey.url, vault, ledger) as second,
    ):
        first.plant.runner._slots = asyncio.Semaphore(5)
        await first.plant.define()
        ledger.gate.clear()
        jobs = await first.plant.queue(200)
        await first.plant.react()
        first.work()
        await ledger.reached.wait()
        stopping = asyncio.create_task(first.stop())
        await asyncio.sleep(0)
        ledger.gate.set()
        await stopping
        begun = len(ledger.attempts)
        assert begun < 200
        second.work()
        async with sweeping(second):  # for messages that were read ahead
            await until(lambda: all_in(second.plant, jobs, "succeeded"))
        assert sorted(each.job for each in ledger.attempts) == sorted(jobs)


async def test_a_redis_that_is_away_is_no_error_and_the_sweep_sends_later(
    database_url: str, valkey: PrivateValkey
) -> None:
    ledger = Ledger()
    async with working(database_url, valkey.url, MemoryVault(), ledger) as one:
        await one.plant.define()
        await valkey.stop()
        jobs = await one.plant.queue(5)
        await one.plant.react()
        assert one.lost == 5
        assert await one.sender.backlog() is None
        async with sweeping(one) as sweep:
            await until(lambda: know(sweep, 5))
            await valkey.start()
            one.work()
            await until(lambda: all_in(one.plant, jobs, "succeeded"))
        assert sorted(each.job for each in ledger.attempts) == sorted(jobs)


async def test_a_worker_lives_through_a_restart_of_redis(
    database_url: str, valkey: PrivateValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.1)
    ledger = Ledger()
    async with working(database_url, valkey.url, MemoryVault(), ledger) as one:
        await one.plant.define()
        one.work()
        await one.plant.queue(5)
        await one.plant.react()
        await one.plant.ended(5)
        await valkey.stop()
        jobs = await one.plant.queue(5)
        await one.plant.react()
        await valkey.start()
        async with sweeping(one):
            await until(lambda: all_in(one.plant, jobs, "succeeded"))
        assert len(ledger.attempts) == 10


async def test_installations_on_one_redis_do_not_meet(
    database_url: str, valkey: PrivateValkey
) -> None:
    async with (
        working(database_url, valkey.url, MemoryVault(), Ledger(), "a") as one,
        working(database_url, valkey.url, MemoryVault(), Ledger(), "b") as two,
    ):
        await one.sender.send([Ticket("jobs", str(uuid4()), 1, 1)])
        assert (await one.sender.backlog(), await two.sender.backlog()) == (1, 0)
