"""Reactions in the projector: each event gives its effect or its command once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from adapters.memory.vault import MemoryVault
from adapters.postgres.connect import connect
from adapters.postgres.projector import Projector
from adapters.postgres.reactor import Reactor, begin_at_tail, follower_name
from application.bus import Bus, OneStream
from application.effects import Ticket
from application.jobs import REACTION
from application.progress import LocalProgress
from application.reactions import Do, Effect, FollowUp, Reaction
from application.tail import Tail
from domain.jobs import JOB, CancelJob, JobQueued, JobStarted
from domain.recorded import Recorded
from domain.restores import Parked, RestoreReleased
from tests.support.jobs_plant import DOWN, Outbox, Plant, plant


@pytest.fixture
async def one(database_url: str) -> AsyncIterator[Plant]:
    async with plant(database_url) as process:
        await process.define()
        yield process


class Awaited(Outbox):
    """A broker that tells when something has come."""

    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Condition()

    async def send(self, tickets: Sequence[Ticket], *, delay: float = 0.0) -> bool:
        async with self.came:
            self.came.notify_all()
            return await super().send(tickets, delay=delay)

    async def has(self, count: int) -> None:
        async with self.came:
            await self.came.wait_for(lambda: len(self.sent) >= count)


@asynccontextmanager
async def projecting(process: Plant, *reactors: Reactor, holder: str) -> AsyncIterator[None]:
    tail = Tail(process.store)
    projector = Projector(
        pool=process.projectors,
        store=process.store,
        codec=process.pipeline.codec,
        tail=tail,
        progress=LocalProgress(),
        holder=holder,
        followers=reactors,
    )
    tasks = [asyncio.create_task(tail.run()), asyncio.create_task(projector.run())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def effects_of(process: Plant) -> list[int]:
    async with process.projectors.acquire() as connection:
        rows = await connection.fetch("SELECT position FROM annals.effects ORDER BY position")
    return [row[0] for row in rows]


async def test_each_event_gives_one_effect_however_often_it_is_read(one: Plant) -> None:
    await one.queue()
    await one.react()
    one._reacted = 0
    with pytest.raises(asyncpg.UniqueViolationError):
        await one.react()
    assert len(await effects_of(one)) == 1


async def test_two_projectors_hand_over_each_effect_once(database_url: str) -> None:
    vault, outbox = MemoryVault(), Awaited()
    async with (
        plant(database_url, vault) as one,
        plant(database_url, vault) as two,
        projecting(one, Reactor(REACTION, bus=None, sender=outbox), holder="one"),
        projecting(two, Reactor(REACTION, bus=None, sender=outbox), holder="two"),
    ):
        await one.queue(50)
        await outbox.has(50)
        assert len(await effects_of(one)) == 50
        assert len({ticket for ticket, _ in outbox.sent}) == 50


async def test_a_projector_that_starts_anew_sends_nothing_again(database_url: str) -> None:
    vault, outbox = MemoryVault(), Awaited()
    async with plant(database_url, vault) as one:
        async with projecting(one, Reactor(REACTION, bus=None, sender=outbox), holder="one"):
            await one.queue(5)
            await outbox.has(5)
        async with projecting(one, Reactor(REACTION, bus=None, sender=outbox), holder="two"):
            await one.queue(1)
            await outbox.has(6)
        assert len(outbox.sent) == 6


def react_later(recorded: Recorded[JobQueued]) -> Sequence[FollowUp]:
    return [
        Effect(
            kind="later", due_at=recorded.recorded_at + timedelta(hours=recorded.event.input["n"])
        )
    ]


async def test_what_is_due_later_is_not_handed_over_now(one: Plant) -> None:
    later = Reaction(name="later", handles=(JobQueued,), react=react_later)
    await one.queue(2)
    tickets = await one.react(Reactor(later, bus=None, sender=one.outbox))
    assert len(tickets) == 1
    assert len(await effects_of(one)) == 2


async def test_what_is_released_is_handed_over_for_the_attempt_that_comes_next(one: Plant) -> None:
    one.ledger.answers.append(DOWN)
    [job] = await one.queue()
    [first] = await one.react()
    await one.work([first])
    one.outbox.take()  # type: ignore[attr-defined]
    connection = await connect(one.url, role=None)  # a restore has parked what follows
    await connection.execute("DELETE FROM annals.effects")
    await connection.close()
    [queued, *_] = await one.log(job)
    item = Parked(
        reaction=REACTION.name,
        tenant=queued.tenant,
        stream=queued.stream,
        position=queued.position,
    )
    released = msgspec.structs.replace(queued, event=RestoreReleased(items=(item,)))
    reactor = Reactor(REACTION, bus=None, sender=one.outbox, codec=one.pipeline.codec)
    async with one.projectors.acquire() as acquired, acquired.transaction():
        hand_over = await reactor.apply(acquired, [released])
    assert hand_over is not None
    await hand_over()
    [second] = one.outbox.take()  # type: ignore[attr-defined]
    await one.work([second])
    assert await one.types(job) == ["queued", "started", "attempt_failed", "started", "succeeded"]


async def test_a_new_reaction_begins_at_the_end_of_the_log(one: Plant) -> None:
    def react(_: Recorded[Any]) -> Sequence[FollowUp]:
        return [Effect(kind="mail")]

    new = Reaction(name="new", handles=(JobQueued,), react=react)
    outbox = Awaited()
    await one.queue(3)
    await begin_at_tail(one.projectors, [new, REACTION])
    await begin_at_tail(one.projectors, [new])
    async with projecting(one, Reactor(new, bus=None, sender=outbox), holder="one"):
        await one.queue(1)
        await outbox.has(1)
    assert len(await effects_of(one)) == 1
    async with one.projectors.acquire() as connection:
        names = await connection.fetch("SELECT DISTINCT projection FROM annals.checkpoints")
    assert [row[0] for row in names] == [follower_name(new)]


def cancel(recorded: Recorded[JobQueued]) -> Sequence[FollowUp]:
    at = recorded.recorded_at
    return [
        Do(command=CancelJob(job=recorded.stream_id, at=at), tenant=recorded.tenant),
        Do(command=CancelJob(job="no-such-job", at=at), tenant=recorded.tenant),
    ]


CANCEL = Reaction(name="cancel", handles=(JobQueued,), react=cancel)


def cancelling(process: Plant) -> Reactor:
    bus = Bus(process.pipeline, {CancelJob: OneStream(JOB, lambda command: command.job)})
    return Reactor(CANCEL, bus=bus, sender=process.outbox)


async def test_a_command_follows_from_an_event_once(one: Plant) -> None:
    [job] = await one.queue()
    await one.react(cancelling(one))
    await one.requeue(job)
    one._reacted = 0  # as after a process that died before its checkpoint
    await one.react(cancelling(one))
    assert await one.types(job) == ["queued", "cancelled", "requeued"]


async def test_a_command_names_its_cause(one: Plant) -> None:
    [job] = await one.queue()
    await one.react(cancelling(one))
    queued, cancelled = await one.log(job)
    assert cancelled.actor == "reaction/cancel"
    assert cancelled.causation_id == queued.id
    assert cancelled.correlation_id == queued.correlation_id


def test_a_reaction_gives_one_effect_per_event_at_most() -> None:
    two = Reaction(
        name="two", handles=(JobStarted,), react=lambda _: [Effect(kind="a"), Effect(kind="b")]
    )
    with pytest.raises(ValueError, match="two effects"):
        two.follow(None)  # type: ignore[arg-type]
