"""Every flag of a tenant, kept in the process: what is evaluated, and what streams are told.

A set is read from the read model the first time that its tenant is asked for, brought up to the
log's end, and follows the log from then on. While the log does not answer, what is kept goes on to
serve: a flag may then be old, but it is never missing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import structlog

from application.catching_up import changes_since
from application.codec import EventCodec, UnknownEvent
from application.event_store import EventStore, ForeignIncarnation, Outage, StoredEvent
from application.flags.flag_set import FlagRows, FlagSet
from application.states import Folded
from application.tail import Lagged, Tail
from domain.flags.decider import FLAG
from domain.flags.segments import SEGMENT
from domain.recorded import Recorded

log = structlog.get_logger(__name__)

PAUSE = 0.5  # seconds before a broken follower goes on
PATIENCE = 5.0  # seconds that whoever asked may wait for what is kept

_MINE = (f"{FLAG.category}/", f"{SEGMENT.category}/")


class KnownFlags(Protocol):
    """The read model of flags, as a set begins with it."""

    async def load(self, tenant: str) -> FlagRows:
        """Everything of one tenant.

        Raises:
            Outage: when it does not answer or is being built.
        """
        ...


class FlagSets:
    """The sets of all tenants that were asked for in this process."""

    def __init__(self, known: KnownFlags, store: EventStore, codec: EventCodec, tail: Tail) -> None:
        """`run` keeps them up to date; without it they are as old as their first use."""
        self._known = known
        self._store = store
        self._codec = codec
        self._tail = tail
        self._sets: dict[str, FlagSet] = {}
        self._loads: dict[str, asyncio.Task[FlagSet]] = {}
        self._position = 0  # what is kept includes it
        self._following = 0  # what is read must include it: the log is followed from there
        self._running = False
        self._arrived = asyncio.Event()

    async def of(self, tenant: str) -> FlagSet:
        """A tenant's flags.

        Raises:
            Outage: when they are not kept and cannot be read.
        """
        kept = self._sets.get(tenant)
        if kept is not None:
            return kept
        load = self._loads.get(tenant)
        if load is None:
            load = asyncio.create_task(self._load(tenant), name="flags")
            self._loads[tenant] = load
            load.add_done_callback(lambda _: self._loads.pop(tenant, None))
        try:
            return await asyncio.shield(load)
        except ForeignIncarnation as replaced:
            raise Outage("the log was replaced") from replaced

    async def newest(self, tenant: str) -> FlagSet:
        """A tenant's flags with all that was recorded before this was asked.

        Raises:
            Outage: when that cannot be known.
        """
        await self.reached((await self._store.tail()).position)
        return await self.of(tenant)

    def learn(self, tenant: str, category: str, name: str, folded: Folded, position: int) -> None:
        """What this process has just recorded, before the log's tail tells it."""
        kept = self._sets.get(tenant)
        if kept is not None:
            kept.learn(category, name, folded, position)

    async def reached(self, position: int) -> None:
        """Wait until what is kept includes a position of the log.

        Raises:
            Outage: that takes too long.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while self._running and self._position < position:
                    self._tail.wake()
                    await self._arrived.wait()
        except TimeoutError:
            raise Outage("the flags that are kept here are behind the log") from None

    async def run(self) -> None:
        """Follow the log until cancelled."""
        self._running = True
        while True:
            try:
                await self._tail.started()
                position = self._following = self._tail.position
                self._position = min(self._position, position)  # of a log that was replaced
                await self._reload()
                self._arrive(position)
                async for page in self._tail.follow(position):
                    self._following = page[-1].position
                    await self._apply(page)
                    self._arrive(self._following)
            except (Outage, ForeignIncarnation, Lagged, UnknownEvent) as interruption:
                log.warning("flags_interrupted", error=type(interruption).__name__)
            await asyncio.sleep(PAUSE)

    async def _reload(self) -> None:
        """Read again what was kept before; it serves until then."""
        for tenant, old in list(self._sets.items()):
            self._sets[tenant] = await self._read(tenant)
            old.news.set()

    async def _load(self, tenant: str) -> FlagSet:
        fresh = await self._read(tenant)
        self._sets[tenant] = fresh
        return fresh

    async def _read(self, tenant: str) -> FlagSet:
        rows = await self._known.load(tenant)
        fresh = FlagSet(rows)
        while True:
            changes, position = await changes_since(
                fresh.position,
                rows.incarnation,
                store=self._store,
                codec=self._codec,
                read=flag_events,
            )
            for recorded in changes:
                if recorded.tenant == tenant:
                    fresh.apply(recorded)
            fresh.position = max(fresh.position, position)
            if fresh.position >= self._following:  # the follower has not passed meanwhile
                return fresh

    async def _apply(self, page: Sequence[StoredEvent]) -> None:
        mine = [event for event in page if event.tenant in self._sets]
        for recorded in await flag_events(mine, self._codec):
            kept = self._sets.get(recorded.tenant)
            if kept is not None:
                kept.apply(recorded)

    def _arrive(self, position: int) -> None:
        self._position = position
        for kept in self._sets.values():
            kept.position = max(kept.position, position)
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()


async def flag_events(events: Sequence[StoredEvent], codec: EventCodec) -> list[Recorded[Any]]:
    """The events among these that are about flags and segments."""
    mine = [event for event in events if event.stream.startswith(_MINE)]
    return list(await codec.decode(mine)) if mine else []
