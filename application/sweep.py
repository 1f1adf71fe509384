"""The sweep: sends again what should have been carried out by now and was not.

It makes the broker dispensable: flush it, stop everything, lose messages, and what is not done
still comes. Each process that sweeps looks through the effects of a reaction once, in order, and
keeps those that are not done in memory until they are; so a pass costs what is unfinished, not
what was ever asked for. Two sweeps at once only send more than needed: claims decide.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from application.effects import SHORT_DELAY, EffectRegister, EffectSender, EffectState, Ticket
from application.event_store import EffectId, Outage

log = structlog.get_logger(__name__)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How the sweep goes about it; times in seconds."""

    every: float = 1.0
    """Between two passes, more or less."""
    grace: float = 5.0
    """How long the broker may take before a ticket counts as lost."""
    busy: int = 32
    """So many waiting messages mean that tickets are waiting, not lost ..."""
    longest_wait: float = 60.0
    """... until they are this late all the same."""
    longest_pause: float = 300.0
    """The longest pause between sending the same ticket twice."""
    page: int = 1000
    """Effects looked at in one query, and at most so many sent in one pass."""
    pages: int = 100
    """Queries for what is new in one pass, so that what is found is not kept waiting."""
    memory: int = 200_000
    """At most so many unfinished effects are remembered; the others are looked for later."""


class _Watched(msgspec.Struct):
    """An unfinished effect: the attempt that was sent last, and how often."""

    attempt: int = 0
    sent: int = 0


class Sweep:
    """The unfinished effects of some reactions, as far as this process has looked."""

    def __init__(
        self,
        register: EffectRegister,
        sender: EffectSender,
        reactions: Sequence[str],
        *,
        now: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
        pace: Pace | None = None,
    ) -> None:
        """`chance` gives numbers in [0, 1) for the jitter."""
        self._register = register
        self._sender = sender
        self._scanned = dict.fromkeys(reactions, 0)
        self._now = now
        self._chance = chance
        self._pace = pace or Pace()
        self._watched: dict[EffectId, _Watched] = {}
        self._agenda: list[tuple[datetime, int, EffectId]] = []
        self._count = 0

    @property
    def unfinished(self) -> int:
        """How many effects are known that are not done."""
        return len(self._watched)

    async def run(self) -> None:
        """Sweep until cancelled; no outage ends it."""
        while True:
            try:
                sent = await self.once()
            except Outage as outage:
                log.warning("sweep_interrupted", detail=outage.detail)
            else:
                if sent:
                    log.info("effects_sent_again", count=sent)
            await asyncio.sleep(self._pace.every * (0.5 + self._chance()))

    async def once(self) -> int:
        """One pass: look at what is new, then at what is due; gives how many were sent again.

        Raises:
            Outage: when the database does not answer.
        """
        for reaction in self._scanned:
            await self._scan(reaction)
        return await self._look()

    async def _scan(self, reaction: str) -> None:
        """Note what is not done among the effects that the broker has had time for."""
        for _ in range(self._pace.pages):
            if len(self._watched) >= self._pace.memory:
                log.warning("sweep_is_full", unfinished=len(self._watched), reaction=reaction)
                return
            scanned = await self._register.unfinished(
                reaction,
                after=self._scanned[reaction],
                older_than=self._pace.grace,
                limit=self._pace.page,
            )
            self._scanned[reaction] = max(scanned.upto, self._scanned[reaction])
            for effect in scanned.unfinished:
                self._watched[effect] = _Watched()
                self._plan(effect, self._now())
            if not scanned.full:
                return

    async def _look(self) -> int:
        now = self._now()
        effects: list[EffectId] = []
        while self._agenda and self._agenda[0][0] <= now and len(effects) < self._pace.page:
            effects.append(heapq.heappop(self._agenda)[2])
        if not effects:
            return 0
        try:
            states = await self._register.states(effects)
            backlog = await self._sender.backlog()
        except BaseException:
            for effect in effects:
                self._plan(effect, now)
            raise
        tickets: list[Ticket] = []
        for effect, state in zip(effects, states, strict=True):
            if state is None or state.done:
                del self._watched[effect]
            elif self._judge(state, backlog):
                tickets.append(state.ticket)
        await self._send(tickets)
        return len(tickets)

    def _judge(self, state: EffectState, backlog: int | None) -> bool:
        """Whether to send an effect's ticket now; plans when to look again in any case."""
        pace, now, effect = self._pace, self._now(), state.effect
        expected = state.ready_at + timedelta(seconds=self._grace(state))
        if now < expected:
            self._plan(effect, expected)
            return False
        late = (now - expected).total_seconds()
        waits_in_queue = not state.lost and (backlog is None or backlog > pace.busy)
        if backlog is None or (waits_in_queue and late < pace.longest_wait):
            self._plan(effect, now + timedelta(seconds=pace.grace))
            return False
        watched = self._watched[effect]
        if watched.attempt != state.attempts + 1:
            watched.attempt, watched.sent = state.attempts + 1, 0
        pause = min(pace.grace * 2.0 ** min(watched.sent, 30), pace.longest_pause)
        if waits_in_queue:
            pause = max(pause, pace.longest_wait)
        watched.sent += 1
        self._plan(effect, now + timedelta(seconds=pause * (1 + self._chance())))
        return True

    def _grace(self, state: EffectState) -> float:
        """How long the broker may still take; nothing, where it was not given the ticket."""
        delay = (state.ready_at - state.asked_at).total_seconds()
        return 0.0 if state.lost or delay > SHORT_DELAY else self._pace.grace

    async def _send(self, tickets: Sequence[Ticket]) -> None:
        if not tickets:
            return
        if not await self._sender.send(tickets):
            now = self._now()
            lost = {each.effect for each in tickets}
            self._agenda = [each for each in self._agenda if each[2] not in lost]
            heapq.heapify(self._agenda)
            for effect in lost:
                self._watched[effect].sent = 0
                self._plan(effect, now + timedelta(seconds=self._pace.grace))

    def _plan(self, effect: EffectId, at: datetime) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (at, self._count, effect))
