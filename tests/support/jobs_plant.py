"""Everything between a queued job and its outcome, on a real log, one process at a time."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from adapters.capabilities import UPCASTS
from adapters.memory.vault import MemoryVault
from adapters.postgres.connect import Pool, connect, open_pool
from adapters.postgres.effects import PostgresEffects
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.reactor import Reactor
from application.codec import EventCodec
from application.context import Context
from application.effect_runner import EffectRunner
from application.effects import EffectSender, EffectState, Ended, Ticket
from application.event_store import EventStore
from application.executor import Attempt, Failed, Succeeded
from application.jobs import REACTION, RUN_JOB, RunJob
from application.pipeline import Pipeline
from application.unit import Unit
from application.vault import Vault
from domain.actions import ACTION, DefineAction, HttpTarget, Target
from domain.jobs import JOB, CancelJob, Job, QueueJob, RequeueJob
from domain.recorded import Recorded
from domain.retries import RetryPolicy

DOWN = Failed(kind="status", detail="The target answered 503.", status=503)
GONE = Failed(kind="status", detail="The target answered 410.", status=410, retryable=False)


class Ledger:
    """A target: what reached it, and what it answers (success, unless told otherwise)."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.answers: list[Succeeded | Failed | Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.reached = asyncio.Event()
        self.seconds = 10.0

    def patience(self, _target: Target) -> float:
        return self.seconds

    async def __call__(self, attempt: Attempt) -> Succeeded | Failed:
        self.attempts.append(attempt)
        self.reached.set()
        await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else Succeeded(status=200, excerpt="ok")
        if isinstance(answer, Exception):
            raise answer
        return answer


class Outbox:
    """A broker that keeps what it is given until the test takes it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Ticket, float]] = []
        self.is_up = True
        self.waiting = 0

    async def send(self, tickets: Sequence[Ticket], *, delay: float = 0.0) -> bool:
        if self.is_up:
            self.sent += [(ticket, delay) for ticket in tickets]
        return self.is_up

    async def backlog(self) -> int | None:
        return self.waiting if self.is_up else None

    def take(self) -> list[Ticket]:
        tickets = [ticket for ticket, _ in self.sent]
        self.sent.clear()
        return tickets


class Clock:
    """The time as one process sees it, which may go wrong."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Plant:
    """One process."""

    url: str
    store: EventStore
    pipeline: Pipeline
    register: PostgresEffects
    projectors: Pool
    ledger: Ledger
    outbox: EffectSender
    clock: Clock
    runner: EffectRunner
    outcomes: list[tuple[str, str]]
    _reacted: int = 0
    _ended: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def define(self, **policy: Any) -> None:
        """An action `greet`, whose retries come at once unless told otherwise."""
        retry = RetryPolicy(**{"max_attempts": 3, "base": 0.001, "cap": 0.001, **policy})

        async def decide(unit: Unit) -> None:
            target = HttpTarget(url="http://target.test/")
            command = DefineAction(
                name="greet",
                flag=None,
                limit=None,
                input_schema=None,
                executor=target,
                headers={},
                retry=retry,
                at=self.clock(),
            )
            await unit.decide(ACTION, "greet", command)

        await self.pipeline.run(decide, context())

    async def queue(self, count: int = 1, tenant: str = "default") -> list[str]:
        ids = [str(uuid4()) for _ in range(count)]
        await asyncio.gather(
            *(
                self.tell(
                    id_,
                    QueueJob(action="greet", requester="ada", input={"n": n}, at=self.clock()),
                    tenant,
                )
                for n, id_ in enumerate(ids)
            )
        )
        return ids

    async def cancel(self, id_: str) -> None:
        await self.tell(id_, CancelJob(job=id_, at=self.clock()))

    async def requeue(self, id_: str) -> None:
        await self.tell(id_, RequeueJob(job=id_, at=self.clock()))

    async def tell(self, id_: str, command: Any, tenant: str = "default") -> None:
        async def decide(unit: Unit) -> None:
            await unit.decide(JOB, id_, command)

        await self.pipeline.run(decide, context(tenant))

    async def react(self, reactor: Reactor | None = None) -> list[Ticket]:
        """Let the reaction see what is new; gives what it hands over."""
        reactor = reactor or Reactor(REACTION, bus=None, sender=self.outbox)
        stored = await self.store.read_log(after=self._reacted, limit=10_000)
        wanted = [each for each in stored if each.type in reactor.handles]
        recorded = await self.pipeline.codec.decode(wanted)
        async with self.projectors.acquire() as connection, connection.transaction():
            after = await reactor.apply(connection, recorded)
        self._reacted = stored[-1].position if stored else self._reacted
        if after is not None:
            await after()
        return self.outbox.take() if isinstance(self.outbox, Outbox) else []

    async def work(self, tickets: Iterable[Ticket]) -> None:
        """Carry out what tickets ask for, and wait until it has ended."""
        await self.runner.accept(list(tickets))
        await asyncio.gather(*self.runner._running, return_exceptions=True)

    async def job(self, id_: str, tenant: str = "default") -> Job:
        state = (await self.pipeline.fold(JOB, (tenant, f"job/{id_}"))).state
        assert isinstance(state, Job)
        return state

    async def log(self, id_: str, tenant: str = "default") -> list[Recorded[Any]]:
        stored = await self.store.read_stream((tenant, f"job/{id_}"))
        return await self.pipeline.codec.decode(stored)

    async def types(self, id_: str) -> list[str]:
        return [each.type.removeprefix("job.") for each in await self.log(id_)]

    async def state(self, ticket: Ticket) -> EffectState:
        [state] = await self.register.states([ticket.effect])
        assert state is not None
        return state

    async def kill_in_flight(self, ticket: Ticket) -> None:
        """Let an attempt reach the target and its worker die then; long ago, for the log."""
        self.ledger.gate.clear()
        self.ledger.reached.clear()
        await self.runner.accept([ticket])
        await self.ledger.reached.wait()
        [task] = self.runner._running
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.ledger.gate.set()
        await self.expire()

    async def expire(self) -> None:
        """Let every lease be over."""
        connection = await connect(self.url, role=None)
        await connection.execute("UPDATE annals.claims SET lease_until = clock_timestamp()")
        await connection.close()

    async def ended(self, count: int) -> None:
        """Wait until so many attempts have ended."""
        async with self._ended:
            await self._ended.wait_for(lambda: len(self.outcomes) >= count)

    async def _tell_ended(self) -> None:
        async with self._ended:
            self._ended.notify_all()


def context(tenant: str = "default") -> Context:
    loop = asyncio.get_running_loop()
    return Context(
        actor="account/ada", tenant=tenant, correlation_id=uuid4(), deadline=loop.time() + 10
    )


_ids = itertools.count(1)


def new_id() -> UUID:
    return UUID(int=next(_ids) << 64 | uuid4().int & (2**64 - 1))


@asynccontextmanager
async def plant(
    url: str,
    vault: Vault | None = None,
    *,
    ledger: Ledger | None = None,
    outbox: EffectSender | None = None,
    wrap: Callable[[EventStore], EventStore] = lambda store: store,
    concurrency: int = 256,
) -> AsyncIterator[Plant]:
    """A process on a migrated database; several of one test share a vault and a ledger."""
    real = await PostgresEventStore.open(url)
    register = await PostgresEffects.open(url)
    projectors = await open_pool(url, role="annals_projector", max_size=2)
    codec = EventCodec([JOB, ACTION], vault or MemoryVault(), UPCASTS)
    pipeline = Pipeline(wrap(real), codec, new_id)
    ledger, outbox, clock = ledger or Ledger(), outbox or Outbox(), Clock()
    outcomes: list[tuple[str, str]] = []
    notices: set[asyncio.Task[None]] = set()
    made: list[Plant] = []

    def watch(ended: Ended) -> None:
        outcomes.append((ended.kind, ended.outcome))
        notice = asyncio.create_task(made[0]._tell_ended())
        notices.add(notice)
        notice.add_done_callback(notices.discard)

    runner = EffectRunner(
        pipeline,
        register,
        outbox,
        {RUN_JOB: RunJob(ledger, clock)},
        now=clock,
        concurrency=concurrency,
        watch=watch,
    )
    made.append(
        Plant(
            url=url,
            store=real,
            pipeline=pipeline,
            register=register,
            projectors=projectors,
            ledger=ledger,
            outbox=outbox,
            clock=clock,
            runner=runner,
            outcomes=outcomes,
        )
    )
    try:
        yield made[0]
    finally:
        await runner.drain(0)
        await real.aclose()
        await register.aclose()
        projectors.terminate()
