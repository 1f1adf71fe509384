"""Carries effects out: claim, carry out, record the outcome, many at once in one event loop."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from application.context import Context
from application.effects import (
    FAILED,
    FIRST,
    LOST,
    SHORT_DELAY,
    Broken,
    Due,
    EffectHandler,
    EffectRegister,
    EffectSender,
    EffectState,
    Ended,
    Ticket,
)
from application.event_store import Claim, ForeignIncarnation, Outage, Settlement, StoredEvent
from application.leases import EffectLeases, Lease
from application.pipeline import Pipeline
from application.states import Folded
from application.unit import EffectGone, Unit
from domain.recorded import Recorded
from domain.retries import RetryPolicy, backoff

log = structlog.get_logger(__name__)

DECIDING = 10.0
"""Seconds within which an attempt must be claimed."""
STUCK = RetryPolicy(base=1.0, cap=300.0)
"""Pauses after an error in a handler's own decisions; it is tried until the program is mended."""

Watch = Callable[[Ended], None]
"""Hears of each ended attempt."""


class EffectRunner:
    """The attempts that this process makes."""

    def __init__(
        self,
        pipeline: Pipeline,
        register: EffectRegister,
        sender: EffectSender,
        handlers: Mapping[str, EffectHandler[Any, Any]],
        *,
        leases: EffectLeases | None = None,
        now: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
        concurrency: int = 256,
        watch: Watch = lambda _ended: None,
    ) -> None:
        """`handlers` is by kind of effect; `concurrency` bounds the attempts at once.

        Without `leases` even the longest attempt has one lease for all of its time.
        """
        self._pipeline = pipeline
        self._register = register
        self._sender = sender
        self._handlers = dict(handlers)
        self._leases = leases
        self._now = now
        self._chance = chance
        self._slots = asyncio.Semaphore(concurrency)
        self._watch = watch
        self._running: set[asyncio.Task[None]] = set()
        self._draining = False

    async def accept(self, tickets: Sequence[Ticket]) -> None:
        """Begin the attempts that tickets ask for, as far as they are still wanted.

        Returns when each has begun, which makes a full process slow to take more. While the
        database is away it waits. Tickets that come while the process drains are sent on.
        """
        found = await self._found(tickets)
        for index, (ticket, state, event) in enumerate(found):
            if not self._is_wanted(ticket, state):
                continue
            if state.ready_at > self._now():
                await self._again(ticket, state.ready_at)
                continue
            await self._slots.acquire()
            if self._draining:
                self._slots.release()
                await self._sender.send([each for each, _, _ in found[index:]])
                return
            task = asyncio.create_task(self._attempt(state, event), name="effect")
            self._running.add(task)
            task.add_done_callback(self._ended)

    async def drain(self, within: float) -> int:
        """Begin nothing more and let what runs finish; gives how many were left to their lease."""
        self._draining = True
        if self._running:
            await asyncio.wait(self._running, timeout=within)
        left = list(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return len(left)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._slots.release()

    async def _found(
        self, tickets: Sequence[Ticket]
    ) -> list[tuple[Ticket, EffectState, StoredEvent]]:
        pause = 0.1
        while True:
            try:
                states, events = await asyncio.gather(
                    self._register.states([each.effect for each in tickets]),
                    self._register.events([each.position for each in tickets]),
                )
            except Outage as outage:
                if self._draining:
                    await self._sender.send(tickets)
                    return []
                log.warning("effects_wait", detail=outage.detail, tickets=len(tickets))
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
                pause = min(pause * 2, 2.0)
            else:
                return [
                    (ticket, state, events[ticket.position])
                    for ticket, state in zip(tickets, states, strict=True)
                    if state is not None
                ]

    @staticmethod
    def _is_wanted(ticket: Ticket, state: EffectState) -> bool:
        """Whether the ticket asks for the attempt that comes next."""
        return not state.done and state.attempts + 1 == ticket.attempt

    async def _attempt(self, state: EffectState, event: StoredEvent) -> None:
        structlog.contextvars.bind_contextvars(correlation_id=str(event.correlation_id))
        outcome, loop = "left", asyncio.get_running_loop()
        started = loop.time()
        try:
            outcome = await self._carry_through(state, event)
        except EffectGone:
            outcome = "gone"
        except (Outage, ForeignIncarnation) as why:
            log.warning("effect_left", kind=state.kind, detail=str(why))
        finally:
            seconds = loop.time() - started
            self._watch(Ended(state.kind, outcome, event, state.attempts + 1, seconds))

    async def _carry_through(self, state: EffectState, event: StoredEvent) -> str:
        [recorded] = await self._pipeline.codec.decode([event])
        previous = FIRST if state.attempts == 0 else LOST if state.lost else FAILED
        due = Due(
            effect=state.effect,
            kind=state.kind,
            event=recorded,
            attempt=state.attempts + 1,
            previous=previous,
            at=self._now(),
        )
        handler = self._handlers.get(state.kind)
        if handler is None:
            log.error("effect_unknown", kind=state.kind, reaction=state.effect.reaction)
            return await self._stuck(due, claimed=False)
        if due.attempt == 1:
            self._foresee(handler, recorded)
        claimed = False
        try:
            begun = await self._begin(handler, due)
            if begun is None:
                return "done"
            claimed = True
            payload, lease = begun
            result = await self._carried_out(handler, due, payload, lease)
            retry_at = await self._finish(handler, due, payload, result, lease)
            await lease.release()
        except (EffectGone, Outage, ForeignIncarnation):
            raise
        except Exception:
            log.exception("effect_stuck", kind=due.kind, **_named(due))
            return await self._stuck(due, claimed=claimed)
        if retry_at is None:
            return "done"
        await self._again(due.next, retry_at)
        return "retry"

    def _foresee(self, handler: EffectHandler[Any, Any], recorded: Recorded[Any]) -> None:
        """Fold a stream that has just begun from the event at hand, without reading it.

        Most effects follow from a stream's first event and nothing else has happened since. Where
        that is wrong, the version check of the claim says so, and the stream is read.
        """
        if recorded.version == 1:
            decider = handler.source
            state = decider.evolve(decider.initial, recorded.event)
            stream = (recorded.tenant, recorded.stream)
            self._pipeline.cache.put(stream, Folded(recorded.version, state))

    async def _begin(self, handler: EffectHandler[Any, Any], due: Due) -> tuple[Any, Lease] | None:
        """Claim the attempt; None when the effect was not wanted and is settled."""

        async def decide(unit: Unit) -> tuple[Any, Lease] | None:
            payload = await handler.begin(unit, due)
            patience = 0.0 if payload is None else handler.patience(payload)
            effect, attempt = due.effect, due.attempt
            lease = Lease(effect, attempt, patience, leases=self._leases, now=self._now)
            unit.claim = Claim(effect=effect, attempt=attempt, lease_until=lease.until)
            if payload is None:
                unit.settlement = _settlement(due, None)
                return None
            return payload, lease

        return (await self._pipeline.run(decide, self._context(due, DECIDING))).result

    async def _carried_out(
        self, handler: EffectHandler[Any, Any], due: Due, payload: Any, lease: Lease
    ) -> Any:
        try:
            async with lease.held():
                return await handler.carry_out(payload, due)
        except TimeoutError:
            return Broken(error="timeout")
        except Exception as error:
            log.exception("effect_broke", kind=due.kind, **_named(due))
            return Broken(error=type(error).__name__)

    async def _finish(
        self,
        handler: EffectHandler[Any, Any],
        due: Due,
        payload: Any,
        result: Any,
        lease: Lease,
    ) -> datetime | None:
        """Record the outcome, as long as the lease lasts."""
        at, chance = self._now(), self._chance()

        async def decide(unit: Unit) -> datetime | None:
            retry_at = await handler.finish(unit, due, payload, result, at, chance)
            unit.settlement = _settlement(due, retry_at)
            return retry_at

        while True:
            try:
                return (await self._pipeline.run(decide, self._context(due, DECIDING))).result
            except Outage as outage:
                if self._now() > lease.until:
                    raise
                log.warning("effect_outcome_waits", detail=outage.detail, **_named(due))
                await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter

    async def _stuck(self, due: Due, *, claimed: bool) -> str:
        """A handler could not decide: let the attempt count, and try again later and later."""
        pause = backoff(STUCK, due.attempt, 0.5 + self._chance() / 2)
        retry_at = self._now() + timedelta(seconds=pause)

        async def decide(unit: Unit) -> None:
            if not claimed:
                unit.claim = Claim(effect=due.effect, attempt=due.attempt, lease_until=retry_at)
            unit.settlement = _settlement(due, retry_at)

        await self._pipeline.run(decide, self._context(due, DECIDING))
        await self._again(due.next, retry_at)
        return "stuck"

    async def _again(self, ticket: Ticket, at: datetime) -> None:
        delay = (at - self._now()).total_seconds()
        if delay <= SHORT_DELAY:
            await self._sender.send([ticket], delay=max(delay, 0.0))

    def _context(self, due: Due, seconds: float) -> Context:
        return Context(
            actor=f"reaction/{due.effect.reaction}",
            tenant=due.effect.tenant,
            correlation_id=due.event.correlation_id,
            causation_id=due.event.id,
            deadline=asyncio.get_running_loop().time() + seconds,
        )


def _settlement(due: Due, retry_at: datetime | None) -> Settlement:
    return Settlement(effect=due.effect, attempt=due.attempt, retry_at=retry_at)


def _named(due: Due) -> dict[str, Any]:
    return {
        "reaction": due.effect.reaction,
        "position": due.effect.position,
        "attempt": due.attempt,
    }
