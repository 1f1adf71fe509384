"""What becomes of queued jobs: claims, outcomes, retries, lost workers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.memory.vault import MemoryVault
from adapters.postgres.connect import connect
from application.effects import Ticket
from application.executor import Failed
from domain.jobs import JobAttemptFailed
from tests.support.jobs_plant import DOWN, GONE, Plant, plant

ONCE = ["queued", "started", "succeeded"]


@pytest.fixture
async def one(database_url: str) -> AsyncIterator[Plant]:
    async with plant(database_url) as process:
        await process.define()
        yield process


async def test_a_queued_job_is_carried_out_once(one: Plant) -> None:
    [job] = await one.queue()
    [ticket] = await one.react()
    await one.work([ticket])
    assert await one.types(job) == ONCE
    assert [each.job for each in one.ledger.attempts] == [job]
    assert one.ledger.attempts[0].input == {"n": 0}
    assert (await one.state(ticket)).done
    assert one.outcomes == [("run-job", "done")]


async def test_what_follows_names_its_cause(one: Plant) -> None:
    [job] = await one.queue()
    await one.work(await one.react())
    queued, *followed = await one.log(job)
    for each in followed:
        assert each.causation_id == queued.id
        assert each.correlation_id == queued.correlation_id
        assert each.actor == "reaction/jobs"


async def test_a_ticket_that_comes_again_changes_nothing(one: Plant) -> None:
    [job] = await one.queue()
    [ticket] = await one.react()
    await one.work([ticket, ticket, ticket])
    await one.work([ticket, Ticket("jobs", "default", ticket.position, 2)])
    assert await one.types(job) == ONCE
    assert len(one.ledger.attempts) == 1


async def test_a_ticket_for_nothing_is_dropped(one: Plant) -> None:
    [ticket] = (await one.queue()) and await one.react()
    await one.work([Ticket("jobs", "default", 1, 1), Ticket("jobs", "other", ticket.position, 1)])
    await one.work([Ticket("unknown", "default", ticket.position, 1)])
    assert one.ledger.attempts == []
    assert one.outcomes == []


async def test_a_failure_is_tried_again_and_every_attempt_is_on_record(one: Plant) -> None:
    await one.define(max_attempts=5, base=20.0, cap=20.0)
    one.ledger.answers = [DOWN, DOWN]
    [job] = await one.queue()
    tickets = await one.react()
    for _ in range(3):
        await one.work(tickets)
        one.clock.ahead += timedelta(seconds=30)
        delays = [delay for _, delay in one.outbox.sent]
        assert all(0 <= delay <= 20 for delay in delays)
        tickets = one.outbox.take()
    assert await one.types(job) == [
        "queued", "started", "attempt_failed", "started", "attempt_failed", "started", "succeeded",
    ]  # fmt: skip
    assert [each.number for each in one.ledger.attempts] == [1, 2, 3]
    assert {each.job for each in one.ledger.attempts} == {job}
    failed = (await one.log(job))[2].event
    assert isinstance(failed, JobAttemptFailed)
    assert (failed.status, failed.error) == (503, "The target answered 503.")


async def test_a_ticket_that_comes_early_waits(one: Plant) -> None:
    await one.define(max_attempts=5, base=50.0, cap=50.0)
    one.ledger.answers = [Failed(kind="timeout", detail="late", not_before=40.0)]
    await one.queue()
    await one.work(await one.react())
    [again] = one.outbox.take()
    await one.work([again])
    [(ticket, delay)] = one.outbox.sent
    assert ticket == again
    assert 30 < delay <= 50
    assert len(one.ledger.attempts) == 1


async def test_a_long_pause_is_left_to_the_sweep(one: Plant) -> None:
    await one.define(max_attempts=5, base=3600.0, cap=3600.0)
    one.ledger.answers = [Failed(kind="timeout", detail="late", not_before=3600.0)]
    await one.queue()
    [ticket] = await one.react()
    await one.work([ticket])
    assert one.outbox.sent == []
    state = await one.state(ticket)
    assert not state.done
    assert state.ready_at - state.asked_at > timedelta(seconds=3000)


async def test_out_of_attempts_is_a_dead_letter(one: Plant) -> None:
    one.ledger.answers = [DOWN] * 3
    [job] = await one.queue()
    tickets = await one.react()
    for _ in range(5):
        one.clock.ahead += timedelta(seconds=1)
        await one.work(tickets)
        tickets = one.outbox.take()
    assert tickets == []
    assert (await one.types(job))[-2:] == ["attempt_failed", "died"]
    assert (await one.job(job)).phase == "dead"
    assert len(one.ledger.attempts) == 3


async def test_a_failure_for_good_is_a_dead_letter_at_once(one: Plant) -> None:
    one.ledger.answers = [GONE]
    [job] = await one.queue()
    [ticket] = await one.react()
    await one.work([ticket])
    assert await one.types(job) == ["queued", "started", "attempt_failed", "died"]
    assert (await one.state(ticket)).done


async def test_a_dead_letter_succeeds_when_requeued(one: Plant) -> None:
    one.ledger.answers = [GONE]
    [job] = await one.queue()
    await one.work(await one.react())
    await one.requeue(job)
    await one.work(await one.react())
    assert (await one.job(job)).phase == "succeeded"
    assert [each.number for each in one.ledger.attempts] == [1, 2]


async def test_a_cancelled_job_is_not_carried_out(one: Plant) -> None:
    [job] = await one.queue()
    [ticket] = await one.react()
    await one.cancel(job)
    await one.work([ticket])
    assert one.ledger.attempts == []
    assert await one.types(job) == ["queued", "cancelled"]
    assert (await one.state(ticket)).done


async def test_an_outcome_after_a_cancellation_is_dropped_and_the_effect_is_done(
    one: Plant,
) -> None:
    [job] = await one.queue()
    [ticket] = await one.react()
    one.ledger.gate.clear()
    await one.runner.accept([ticket])
    await one.ledger.reached.wait()
    await one.cancel(job)
    one.ledger.gate.set()
    await one.work([])
    assert await one.types(job) == ["queued", "started", "cancelled"]
    assert (await one.state(ticket)).done


async def test_what_a_worker_remembers_of_a_job_settles_nothing(database_url: str) -> None:
    vault = MemoryVault()
    async with plant(database_url, vault) as api, plant(database_url, vault) as worker:
        await api.define()
        [job] = await api.queue()
        first = await api.react()
        await api.cancel(job)
        await worker.work(first)  # the worker has folded the cancelled job, and keeps that
        await api.requeue(job)
        await worker.work(await api.react())
        assert (await api.job(job)).phase == "succeeded"


async def test_an_executor_that_raises_has_failed(one: Plant) -> None:
    one.ledger.answers = [RuntimeError("a fault of the program")]
    [job] = await one.queue()
    await one.work(await one.react())
    failed = (await one.log(job))[2].event
    assert isinstance(failed, JobAttemptFailed)
    assert failed.error == "RuntimeError"
    assert failed.retry_at is not None


async def test_an_executor_that_outlasts_its_patience_is_cut_off(one: Plant) -> None:
    one.ledger.seconds = 0.05
    one.ledger.gate.clear()
    [job] = await one.queue()
    await one.work(await one.react())
    failed = (await one.log(job))[2].event
    assert isinstance(failed, JobAttemptFailed)
    assert failed.error == "timeout"


async def test_a_handler_that_cannot_decide_is_asked_later_and_later(
    one: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = one.runner._handlers["run-job"]

    async def broken(*_: object) -> None:
        raise RuntimeError("a fault of the program")

    [job] = await one.queue()
    [ticket] = await one.react()
    with monkeypatch.context() as patched:
        patched.setattr(type(handler), "begin", broken)
        await one.work([ticket])
    assert one.outcomes == [("run-job", "stuck")]
    [(again, delay)] = one.outbox.sent
    assert again.attempt == 2
    assert 0.4 < delay <= 1.0
    one.clock.ahead = timedelta(seconds=2)
    await one.work([again])
    assert await one.types(job) == ONCE


async def test_an_attempt_on_a_log_that_was_replaced_is_left_to_the_new_one(one: Plant) -> None:
    await one.queue()
    [ticket] = await one.react()
    one.ledger.gate.clear()
    await one.runner.accept([ticket])
    await one.ledger.reached.wait()
    connection = await connect(one.url, role=None)
    await connection.execute("UPDATE annals.logs SET incarnation = gen_random_uuid()")
    await connection.close()
    one.ledger.gate.set()
    assert await asyncio.gather(*one.runner._running) == [None]
    assert one.outcomes == [("run-job", "left")]


async def test_an_effect_that_nobody_knows_is_kept_for_a_program_that_does(one: Plant) -> None:
    handlers, one.runner._handlers = one.runner._handlers, {}
    [job] = await one.queue()
    [ticket] = await one.react()
    await one.work([ticket])
    assert not (await one.state(ticket)).done
    one.runner._handlers = handlers
    one.clock.ahead = timedelta(seconds=2)
    await one.work(one.outbox.take())
    assert await one.types(job) == ONCE


async def test_tenants_do_not_mix(one: Plant) -> None:
    await one.queue(tenant="a")
    [ticket] = await one.react()
    assert ticket.tenant == "a"
