"""The command pipeline: load, decide, append, and decide again when somebody was faster.

It keeps what it has folded, verifies that before it answers from it, and holds the lane of every
stream that a command names.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

from application.codec import EventCodec
from application.context import Context
from application.event_store import (
    Append,
    EffectTaken,
    EventStore,
    ForeignIncarnation,
    Key,
    KeyFound,
    Outage,
    Stored,
    StreamName,
    VersionMismatch,
    Write,
)
from application.lanes import Lanes
from application.positions import Position
from application.states import Folded, StateCache
from application.unit import Done, EffectGone, Loaded, Replay, Unit
from domain.decider import Decider
from domain.rejections import Invalid, Rejection

R = TypeVar("R")

_PAGE = 1000
_AT_ONCE = 50
_PAUSE = 0.005  # seconds; the longest first jittered pause after a lost race


class KeyReused(Invalid):
    """An idempotency key came back with another request."""

    slug = "idempotency-key-reused"
    title = "This Idempotency-Key belongs to another request"


class Answered(Exception):  # noqa: N818 - carries a replay out of a handler
    """The command's key was found while it was being recorded."""

    def __init__(self, replay: Replay) -> None:
        """Carry the replay to the bus."""
        super().__init__("answered before")
        self.replay = replay


class Pipeline:
    """Loads, decides and appends, for every capability alike."""

    def __init__(
        self,
        store: EventStore,
        codec: EventCodec,
        new_id: Callable[[], UUID],
        *,
        cache: StateCache | None = None,
    ) -> None:
        """`new_id` makes UUIDv7s for events."""
        self.store = store
        self.codec = codec
        self.new_id = new_id
        self.cache = cache or StateCache()
        self._lanes = Lanes()

    async def run(
        self,
        decide: Callable[[Unit], Awaitable[R]],
        context: Context,
        lanes: Iterable[StreamName] = (),
    ) -> Done[R]:
        """See `Run`."""
        async with self._lanes.hold(lanes):
            pause = _PAUSE
            while True:
                done = await self._try(decide, context)
                if done is not None:
                    return done
                loop = asyncio.get_running_loop()
                wait = random.uniform(0, pause)  # noqa: S311 - jitter
                if loop.time() + wait > context.deadline:
                    raise Outage("Too many others are changing the same thing; try again.")
                await asyncio.sleep(wait)
                pause = min(pause * 2, 0.5)

    async def find(self, context: Context) -> Replay | None:
        """The answer that a command's key already has.

        Raises:
            KeyReused: when the key belongs to another request.
        """
        key = context.idempotency
        if key is None:
            return None
        found = await self.store.find_key(context.tenant, key.digest)
        return None if found is None else self._replay(found, context)

    async def keep(self, rejection: Rejection, context: Context) -> None:
        """Record a rejection that was raised before anything was decided, under its key.

        Raises:
            Answered: when the key was found.
        """
        if rejection.final and _keeps_all(context):
            await self._append_key(Unit(self, context), context, rejection)

    async def load(self, decider: Decider[Any, Any, Any], stream: StreamName) -> Loaded:
        """The state of a stream, kept or folded anew."""
        folded = self.cache.get(stream)
        if folded is not None:
            return Loaded(decider, stream, folded.version, folded.state, fresh=False, events=[])
        with self.cache.folding(stream):
            folded = await self.fold(decider, stream)
            self.cache.put(stream, folded)
        return Loaded(decider, stream, folded.version, folded.state, fresh=True, events=[])

    async def fold(
        self,
        decider: Decider[Any, Any, Any],
        stream: StreamName,
        *,
        to: int | None = None,
        at_version: int | None = None,
    ) -> Folded:
        """A stream's state as the log has it now, or as it was at position `to` or at a version."""
        state, version = decider.initial, 0
        while True:
            page = await self.store.read_stream(stream, after=version, limit=_PAGE)
            stored = [
                each
                for each in page
                if (to is None or each.position <= to)
                and (at_version is None or each.version <= at_version)
            ]
            for recorded in await self.codec.decode(stored):
                state = decider.evolve(state, recorded.event)
            if stored:
                version = stored[-1].version
            if len(stored) < _PAGE:
                return Folded(version, state)

    async def _try(
        self, decide: Callable[[Unit], Awaitable[R]], context: Context
    ) -> Done[R] | None:
        """One try; None when it must be decided again."""
        unit = Unit(self, context)
        try:
            if context.premise is not None:
                await context.premise(unit)
            result = await decide(unit)
            unit.insist()
        except Rejection as rejection:
            refusal = unit.refusal(rejection)
            if not await self._confirm(unit, context, refusal):
                return None
            raise refusal from None
        if unit.writes_nothing:
            return await self._without_events(unit, context, result)
        item = await self._item(unit, context, result)
        outcome = await self._append(item)
        if isinstance(outcome, VersionMismatch):
            self._forget(unit)
            return None
        if isinstance(outcome, KeyFound):
            raise Answered(self._replay(outcome, context))
        if isinstance(outcome, EffectTaken):
            raise EffectGone
        for each in unit.loaded:
            self.cache.put(each.stream, Folded(each.version + len(each.events), each.state))
        return self._done(unit, result, Position(outcome.incarnation, outcome.last))

    async def _without_events(self, unit: Unit, context: Context, result: R) -> Done[R] | None:
        """Nothing to record but the key: the state it was decided on must be the current one."""
        if not (_keeps_all(context) or (context.idempotency and unit.keeps_answer)):
            if not await self._verified(unit):
                return None
            tail = await self.store.tail()
            return self._done(unit, result, Position(tail.incarnation, tail.position))
        outcome = await self._append_key(unit, context, result)
        if outcome is None:
            return None
        return self._done(unit, result, Position(outcome.incarnation, outcome.last))

    async def _confirm(self, unit: Unit, context: Context, rejection: Rejection) -> bool:
        """Whether a rejection was decided on the current state; then its key is recorded."""
        if not rejection.final or not _keeps_all(context):
            return await self._verified(unit)
        return await self._append_key(unit, context, rejection) is not None

    async def _append_key(self, unit: Unit, context: Context, answer: object) -> Stored | None:
        item = Append(guards=unit.all_guards(), key=self._key(unit, context, answer))
        outcome = await self._append(item)
        if isinstance(outcome, KeyFound):
            raise Answered(self._replay(outcome, context))
        if isinstance(outcome, Stored):
            return outcome
        self._forget(unit)
        return None

    async def _append(self, item: Append) -> Stored | VersionMismatch | KeyFound | EffectTaken:
        try:
            return await self.store.append(item)
        except ForeignIncarnation:
            self.cache.clear()
            raise

    async def _verified(self, unit: Unit) -> bool:
        """Whether every kept state that this try has used is the current one."""
        kept = [each for each in unit.loaded if not each.fresh]
        if not kept:
            return True
        current = await self.store.versions([each.stream for each in kept])
        if all(each.version == now for each, now in zip(kept, current, strict=True)):
            return True
        self._forget(unit)
        return False

    def _forget(self, unit: Unit) -> None:
        for each in unit.loaded:
            self.cache.drop(each.stream)

    async def _item(self, unit: Unit, context: Context, result: object) -> Append:
        writes: list[Write] = []
        for each in unit.loaded:
            if each.events:
                writes.append(await self._write(each, context))
                if len(writes) % _AT_ONCE == 0:  # thousands of streams are not for one turn
                    await asyncio.sleep(0)
        return Append(
            writes=tuple(writes),
            # a verdict without events (an effect that is not wanted) stands on what was loaded
            guards=unit.asked_guards() if writes else unit.all_guards(),
            key=self._key(unit, context, result),
            claim=unit.claim,
            settlement=unit.settlement,
        )

    async def _write(self, loaded: Loaded, context: Context) -> Write:
        tenant, stream = loaded.stream
        events = [
            await self.codec.encode(
                event,
                id_=self.new_id(),
                tenant=tenant,
                stream=stream,
                actor=context.actor,
                correlation_id=context.correlation_id,
                causation_id=context.causation_id,
                meta=context.meta,
            )
            for event in loaded.events
        ]
        return Write(tenant=tenant, stream=stream, expected=loaded.version, events=tuple(events))

    def _key(self, unit: Unit, context: Context, answer: object) -> Key | None:
        idempotency = context.idempotency
        if idempotency is None:
            return None
        sealed = idempotency.seal(idempotency.render(answer, unit.final_version))
        return Key(
            tenant=context.tenant,
            digest=idempotency.digest,
            fingerprint=idempotency.fingerprint,
            response=sealed,
        )

    def _done(self, unit: Unit, result: R, position: Position) -> Done[R]:
        return Done(result=result, position=position, version=unit.final_version)

    def _replay(self, found: KeyFound, context: Context) -> Replay:
        assert context.idempotency is not None  # noqa: S101 - only keyed commands come here
        if found.fingerprint != context.idempotency.fingerprint:
            raise KeyReused(
                detail="The key was used before with another method, path or body. Use a new one."
            )
        return Replay(sealed=found.response, position=Position(found.incarnation, found.last))


def _keeps_all(context: Context) -> bool:
    """Whether any answer is kept under the caller's key, whatever was recorded."""
    return context.idempotency is not None and not context.idempotency.deeds_only
