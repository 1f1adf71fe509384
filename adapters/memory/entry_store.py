"""Cache entries kept in memory, for tests."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

from application.cache import Address, Entry, Room, Usage
from application.lanes import Lanes

_ALL = "*all"  # no tag has an asterisk without a colon before it


class MemoryEntryStore:
    """`EntryStore` in one process, without limits."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """Start empty."""
        self._now = now
        self._ticket = 0
        self._entries: dict[Address, tuple[Entry, int]] = {}
        self._invalidated: dict[tuple[str, str], int] = {}
        self._counts: Counter[tuple[str, Room, bool]] = Counter()
        self._lanes = Lanes()
        self._followed: dict[UUID, int] = {}
        self._dead_before = 0

    def ticket(self) -> int:
        """See `EntryStore.ticket`."""
        return self._ticket

    def fresh(self, tenant: str, tags: Collection[str], ticket: int) -> bool:
        """See `EntryStore.fresh`."""
        return ticket >= self._dead_before and all(
            self._invalidated.get((tenant, tag), 0) <= ticket for tag in (_ALL, *tags)
        )

    async def find(self, address: Address, *, stale: bool = False) -> Entry | None:
        """See `EntryStore.find`."""
        entry = self._alive(address, stale=stale)
        if not stale:
            self._counts[address.tenant, address.room, entry is not None] += 1
        return entry

    async def put(self, address: Address, entry: Entry, ticket: int) -> bool:
        """See `EntryStore.put`."""
        new = self._alive(address) is None
        self._entries[address] = (entry, ticket)
        return new

    async def delete(self, address: Address) -> bool:
        """See `EntryStore.delete`."""
        alive = self._alive(address) is not None
        self._entries.pop(address, None)
        return alive

    async def invalidate(self, tenant: str, tags: Collection[str] | None) -> int:
        """See `EntryStore.invalidate`."""
        hit = [
            address
            for address, (entry, _) in self._entries.items()
            if address.tenant == tenant
            and (tags is None or not set(tags).isdisjoint(entry.tags))
            and self._alive(address)
        ]
        self._ticket += 1
        for tag in (_ALL,) if tags is None else tags:
            self._invalidated[tenant, tag] = self._ticket
        for address in hit:
            del self._entries[address]
        return len(hit)

    async def usage(self, tenant: str, room: Room) -> Usage:
        """See `EntryStore.usage`."""
        sizes = [
            len(entry.value)
            for address, (entry, _) in self._entries.items()
            if (address.tenant, address.room) == (tenant, room)
        ]
        return Usage(
            entries=len(sizes),
            bytes=sum(sizes),
            hits=self._counts[tenant, room, True],
            misses=self._counts[tenant, room, False],
        )

    def followed(self, incarnation: UUID) -> int | None:
        """See `FollowsLog.followed`."""
        return self._followed.get(incarnation)

    def follow(
        self, incarnation: UUID, position: int, tags: Iterable[tuple[int, str, str]]
    ) -> None:
        """See `FollowsLog.follow`."""
        followed = self._followed.get(incarnation)
        if followed is None or position <= followed:
            return
        self._ticket += 1
        for at, tenant, tag in tags:
            if at > followed:
                self._invalidated[tenant, tag or _ALL] = self._ticket
        self._followed = {incarnation: position}

    def follow_from(self, incarnation: UUID, position: int) -> None:
        """See `FollowsLog.follow_from`."""
        self._entries.clear()
        self._ticket += 1
        self._dead_before = self._ticket
        self._followed = {incarnation: position}

    @asynccontextmanager
    async def alone(self, address: Address) -> AsyncIterator[None]:
        """See `EntryStore.alone`."""
        async with self._lanes.hold([address]):
            yield

    def _alive(self, address: Address, *, stale: bool = False) -> Entry | None:
        entry, ticket = self._entries.get(address, (None, 0))
        if entry is None or not self.fresh(address.tenant, entry.tags, ticket):
            return None
        end = max(entry.expires_at, entry.stale_until if stale else 0.0)
        return entry if self._now() < end else None
