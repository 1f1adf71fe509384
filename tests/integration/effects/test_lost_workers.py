"""Several workers, lost ones, and a log that is away: who carries an attempt out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.vault import MemoryVault
from application.event_store import Append, EventStore, Outage, Outcome
from application.executor import Failed
from domain.jobs import JobAttemptFailed, JobStarted
from tests.support.jobs_plant import DOWN, Ledger, Plant, plant

ONCE = ["queued", "started", "succeeded"]


@pytest.fixture
async def one(database_url: str) -> AsyncIterator[Plant]:
    async with plant(database_url) as process:
        await process.define()
        yield process


async def test_of_two_workers_one_carries_out(database_url: str) -> None:
    vault, ledger = MemoryVault(), Ledger()
    async with (
        plant(database_url, vault, ledger=ledger) as one,
        plant(database_url, vault, ledger=ledger) as two,
    ):
        await one.define()
        jobs = await one.queue(20)
        tickets = await one.react()
        ledger.gate.clear()
        await asyncio.gather(one.runner.accept(tickets), two.runner.accept(tickets))
        await ledger.reached.wait()
        ledger.gate.set()
        await asyncio.gather(one.work([]), two.work([]))
        assert sorted(each.job for each in ledger.attempts) == sorted(jobs)
        for job in jobs:
            assert await one.types(job) == ONCE
        outcomes = [outcome for _, outcome in one.outcomes + two.outcomes]
        assert outcomes.count("done") == 20
        assert set(outcomes) <= {"done", "gone"}  # who looks late sees that it is not wanted


async def test_a_killed_attempt_is_made_again_when_its_lease_is_over(
    database_url: str,
) -> None:
    vault, ledger = MemoryVault(), Ledger()
    async with (
        plant(database_url, vault, ledger=ledger) as killed,
        plant(database_url, vault, ledger=ledger) as other,
    ):
        await killed.define()
        [job] = await killed.queue()
        [ticket] = await killed.react()
        await killed.kill_in_flight(ticket)
        next_ticket = (await other.state(ticket)).ticket
        assert next_ticket.attempt == 2
        await other.work([next_ticket])
        assert await other.types(job) == [
            "queued", "started", "attempt_failed", "started", "succeeded",
        ]  # fmt: skip
        lost = (await other.log(job))[2].event
        assert isinstance(lost, JobAttemptFailed)
        assert lost.error == "lost"
        assert [each.number for each in ledger.attempts] == [1, 2]
        assert {each.job for each in ledger.attempts} == {job}


async def test_an_attempt_whose_lease_lasts_is_nobody_elses(database_url: str) -> None:
    vault, ledger = MemoryVault(), Ledger()
    async with (
        plant(database_url, vault, ledger=ledger) as one,
        plant(database_url, vault, ledger=ledger) as two,
    ):
        await one.define()
        await one.queue()
        [ticket] = await one.react()
        ledger.gate.clear()
        await one.runner.accept([ticket])
        await ledger.reached.wait()
        two.clock.ahead = timedelta(minutes=5)  # a clock that goes wrong does not help
        await two.work([(await two.state(ticket)).ticket])
        assert [outcome for _, outcome in two.outcomes] == ["gone"]
        ledger.gate.set()
        await one.work([])
        assert len(ledger.attempts) == 1


async def test_killed_attempts_count_until_the_job_is_dead(one: Plant) -> None:
    await one.define(max_attempts=2)
    [job] = await one.queue()
    [ticket] = await one.react()
    await one.kill_in_flight(ticket)
    await one.kill_in_flight((await one.state(ticket)).ticket)
    await one.work([(await one.state(ticket)).ticket])
    assert (await one.types(job))[-2:] == ["attempt_failed", "died"]
    assert len(one.ledger.attempts) == 2
    assert (await one.state(ticket)).done


@pytest.mark.parametrize("answer", [None, DOWN])
async def test_an_outcome_that_comes_after_a_takeover_is_refused(
    database_url: str, answer: Failed | None
) -> None:
    vault = MemoryVault()
    async with plant(database_url, vault) as slow, plant(database_url, vault) as other:
        await slow.define()
        slow.ledger.answers = [answer] if answer else []
        [job] = await slow.queue()
        [ticket] = await slow.react()
        slow.ledger.gate.clear()
        await slow.runner.accept([ticket])
        await slow.ledger.reached.wait()
        await slow.expire()
        other.ledger.gate.clear()
        await other.runner.accept([(await other.state(ticket)).ticket])
        await other.ledger.reached.wait()
        slow.ledger.gate.set()
        await slow.work([])
        assert [outcome for _, outcome in slow.outcomes] == ["gone"]
        assert not (await other.state(ticket)).done
        other.ledger.gate.set()
        await other.work([])
        assert (await other.types(job)) == [
            "queued", "started", "attempt_failed", "started", "succeeded",
        ]  # fmt: skip
        assert (await other.state(ticket)).done


class Flaky:
    """A log whose appends fail as often as the test says, before or after they are recorded."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.before = 0
        self.after = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, item: Append) -> Outcome:
        if item.settlement is not None and self.before:
            self.before -= 1
            raise Outage("away")
        outcome = await self._store.append(item)
        if item.settlement is not None and self.after:
            self.after -= 1
            raise Outage("the answer was lost", outcome="unknown")
        return outcome


@pytest.mark.parametrize(("before", "after"), [(3, 0), (0, 1), (2, 1)])
async def test_an_outcome_waits_for_the_log_and_the_target_is_called_once(
    database_url: str, before: int, after: int
) -> None:
    stores: list[Flaky] = []

    def wrap(store: EventStore) -> EventStore:
        stores.append(Flaky(store))
        return stores[0]

    async with plant(database_url, wrap=wrap) as one:
        await one.define()
        [job] = await one.queue()
        [ticket] = await one.react()
        stores[0].before, stores[0].after = before, after
        await one.work([ticket])
        assert await one.types(job) == ONCE
        assert len(one.ledger.attempts) == 1
        assert (await one.state(ticket)).done


async def test_a_draining_worker_ends_what_runs_and_passes_on_what_has_not_begun(
    database_url: str,
) -> None:
    async with plant(database_url, concurrency=2) as one:
        await one.define()
        await one.queue(5)
        tickets = await one.react()
        one.ledger.gate.clear()
        accepting = asyncio.create_task(one.runner.accept(tickets))
        while len(one.ledger.attempts) < 2:
            one.ledger.reached.clear()
            await one.ledger.reached.wait()
        draining = asyncio.create_task(one.runner.drain(10))
        await asyncio.sleep(0)
        one.ledger.gate.set()
        assert await draining == 0
        await accepting
        assert len(one.ledger.attempts) == 2
        assert len(one.outbox.take()) == 3


async def test_a_drain_leaves_to_its_lease_what_does_not_end(one: Plant) -> None:
    one.ledger.gate.clear()
    [job] = await one.queue()
    await one.runner.accept(await one.react())
    await one.ledger.reached.wait()
    assert await one.runner.drain(0) == 1
    assert await one.types(job) == ["queued", "started"]
    assert (await one.log(job))[1].event == JobStarted(attempt=1)
