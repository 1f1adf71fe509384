"""What the log says about cache entries: which tags an event invalidates, and following it.

Each process follows the log's tail; what one has applied to a directory, the others that share it
skip. The directory remembers how far it was followed, so what happened while nobody ran is made up
for before anything else.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import msgspec
import structlog

from application.bus import Run
from application.cache import Cache
from application.event_store import ForeignIncarnation, Outage, StoredEvent
from application.tail import Lagged, Tail
from application.unit import Done, Unit
from domain.accounts import AccountErased
from domain.cache import ALL, CACHE, CacheInvalidated, InvalidateCache

log = structlog.get_logger(__name__)

FARTHEST = 10_000
"""Events that are made up for; beyond that everything is invalidated."""
PAUSE = 1.0  # seconds before a broken follower goes on
PATIENCE = 5.0  # seconds that whoever asked may wait for the follower
EVERYTHING = ""
"""The tag that every entry of a tenant has."""

_INVALIDATED = str(CacheInvalidated.__struct_config__.tag)
_ERASED = str(AccountErased.__struct_config__.tag)


class FollowsLog(Protocol):
    """Entries that know up to where the log has been applied to them."""

    def followed(self, incarnation: UUID) -> int | None:
        """The position; None: this log has never been."""
        ...

    def follow(
        self, incarnation: UUID, position: int, tags: Iterable[tuple[int, str, str]]
    ) -> None:
        """Invalidate what events up to `position` did: (position, tenant, tag).

        What lies before the position that was reached already is skipped.
        """
        ...

    def follow_from(self, incarnation: UUID, position: int) -> None:
        """Invalidate everything of everybody, and go on behind this position."""
        ...


def invalidated_by(event: StoredEvent) -> Iterator[tuple[str, str]]:
    """The (tenant, tag) pairs that an event invalidates.

    An event on the stream `flag/checkout` means `flag:checkout`, and `flag:*` for whatever was
    made of all flags. Who is erased, is so in every tenant: `account:<id>`.
    """
    if event.type == _INVALIDATED:
        tags = msgspec.json.decode(event.data, type=CacheInvalidated).tags or (EVERYTHING,)
        yield from ((event.tenant, tag) for tag in tags)
        return
    category, _, id_ = event.stream.partition("/")
    yield event.tenant, f"{category}:{id_}"
    yield event.tenant, f"{category}:*"
    if event.type == _ERASED:
        for tenant in msgspec.json.decode(event.data, type=AccountErased).tenants:
            yield tenant, f"{category}:{id_}"


class CacheFollower:
    """Brings to the entries what the log says."""

    def __init__(self, entries: FollowsLog, tail: Tail) -> None:
        """`run` does the work; until it has begun, nobody needs to wait."""
        self._entries = entries
        self._tail = tail
        self._position = 0
        self._running = False
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Follow the log until cancelled."""
        self._running = True
        while True:
            try:
                await self._tail.started()
                async for page in self._tail.follow(self._begin()):
                    self._apply(page)
            except (Outage, ForeignIncarnation, Lagged) as interruption:
                log.warning("cache_follower_interrupted", error=type(interruption).__name__)
            except OSError as error:
                log.warning("cache_follower_interrupted", error=error.strerror)
            await asyncio.sleep(PAUSE)

    async def reached(self, position: int) -> None:
        """Wait until the entries know what the log says up to a position.

        Raises:
            Outage: that takes too long.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while self._running and self._position < position:
                    self._tail.wake()
                    await self._news.wait()
        except TimeoutError:
            raise Outage("the cache is behind the log") from None

    def _begin(self) -> int:
        """From where to follow: where somebody has got to, or the tail."""
        incarnation, last = self._incarnation(), self._tail.position
        position = self._entries.followed(incarnation)
        if position is None or not last - FARTHEST <= position:
            log.info("cache_begins_anew", position=last)
            self._entries.follow_from(incarnation, last)
            position = last
        self._arrived(min(position, last))
        return position

    def _apply(self, page: list[StoredEvent]) -> None:
        incarnation, last = self._incarnation(), page[-1].position
        followed = self._entries.followed(incarnation)
        if followed is None:  # the directory was lost
            self._entries.follow_from(incarnation, last)
        elif followed < last:
            tags = (
                (event.position, tenant, tag)
                for event in page
                if event.position > followed
                for tenant, tag in invalidated_by(event)
            )
            self._entries.follow(incarnation, last, tags)
        self._arrived(last)

    def _incarnation(self) -> UUID:
        incarnation = self._tail.incarnation
        if incarnation is None:
            raise ForeignIncarnation
        return incarnation

    def _arrived(self, position: int) -> None:
        self._position = position
        news, self._news = self._news, asyncio.Event()
        news.set()


@dataclass(frozen=True)
class InvalidateCacheHandler:
    """Drops entries here at once, and everywhere else by the event; the result is how many.

    The answer waits until this directory has met its own event: whatever is put afterwards stays.
    """

    cache: Cache

    async def __call__(self, command: InvalidateCache, run: Run) -> Done[int]:
        """See `Handler`."""
        CACHE.decide(CACHE.initial, command)  # nothing is dropped by what will be refused
        tenant = run.context.tenant
        count = await self.cache.invalidate(
            None if command.everything else command.tags, tenant=tenant
        )

        async def decide(unit: Unit) -> int:
            await unit.decide(CACHE, ALL, command)
            return count

        done = await run(decide, lanes=[(CACHE, ALL)])
        try:
            await self.cache.reached(done.position.number)
        except Outage as outage:  # what is put now may die of the event, and is put again
            log.warning("cache_invalidated_ahead_of_its_event", detail=outage.detail)
        return done
