"""The cache: what was expensive to find out, kept as long as it may be used.

Entries are no events: whatever is lost is found out again. So every failure of the cache is a
miss, and what it must never do is answer with a wrong value: an older one, a damaged one, one of
another tenant, or one that was found out before its tags were invalidated.

The platform's heavy queries go through `Cache`; people's entries lie beside theirs, in a room of
their own (`EntryStore`), so that nobody can put what the platform would take for its own.
"""

import math
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Literal, NamedTuple, Protocol

import msgspec

Loader = Callable[[], Awaitable[bytes]]
"""Finds a value out."""

Room = Literal["people", "platform"]


class Cache(Protocol):
    """Answers heavy queries from what was found out before.

    A tag is what an answer depends on. An event on the stream `schema/order` invalidates the tags
    `schema:order` and `schema:*` of its tenant, in every process: so an answer that is tagged with
    the things it was made of is never older than they are.
    """

    async def load(
        self,
        key: str,
        loader: Loader,
        *,
        tenant: str,
        ttl: timedelta,
        tags: Collection[str] = (),
        stale_for: timedelta = timedelta(),
    ) -> bytes:
        """The value under a key of the tenant, found out by `loader` where it is not there.

        One loader per key runs at a time, in this process and in all that share the directory;
        the others wait for its value. What the loader reads must be as new as the log is when it
        is called: one that reads rows waits for the log's tail first. A cancelled caller does not
        cancel the loader. When the loader fails, the value goes on to serve for `stale_for` beyond
        its `ttl`, unless it was invalidated.

        Raises:
            Exception: whatever `loader` raises, when there is no value to serve instead.
        """
        ...

    async def invalidate(self, tags: Collection[str] | None, *, tenant: str) -> int:
        """Drop everything of the tenant with one of these tags (None: all); how many there were.

        Also a value that is being found out, or written, when this is called.
        """
        ...

    async def reached(self, position: int) -> None:
        """Wait until what events up to this position invalidate is invalid here.

        Raises:
            Outage: that takes too long.
        """
        ...


class Address(NamedTuple):
    """Where an entry lies: two tenants, and people and platform, never meet."""

    tenant: str
    room: Room
    key: str


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A value; times are seconds since 1970, infinity where there is no end.

    From `expires_at` to `stale_until` it only serves where its loader fails.
    """

    value: bytes
    media_type: str = ""
    tags: tuple[str, ...] = ()
    written_at: float
    expires_at: float = math.inf
    stale_until: float = 0.0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's room holds, and how often it has answered; of all processes together."""

    entries: int
    bytes: int
    hits: int
    misses: int


class EntryStore(Protocol):
    """Where entries lie. That it cannot be read is a miss.

    A *ticket* is a moment in the order of invalidations: an entry that is put with a ticket is
    dead from the start if one of its tags was invalidated after that ticket was taken.
    """

    def ticket(self) -> int:
        """Now; taken before a value begins to be found out."""
        ...

    def fresh(self, tenant: str, tags: Collection[str], ticket: int) -> bool:
        """Whether none of these tags was invalidated after the ticket was taken."""
        ...

    async def find(self, address: Address, *, stale: bool = False) -> Entry | None:
        """The entry, if it is alive; with `stale` also one that may still serve in need.

        Counts a hit or a miss, but for `stale`.
        """
        ...

    async def put(self, address: Address, entry: Entry, ticket: int) -> bool:
        """Keep an entry, whole or not at all; whether there was none alive before.

        Raises:
            Outage: when it cannot be kept; then the one before is still there.
        """
        ...

    async def delete(self, address: Address) -> bool:
        """Remove an entry; whether one was alive."""
        ...

    async def invalidate(self, tenant: str, tags: Collection[str] | None) -> int:
        """Kill all entries of a tenant that have one of these tags (None: all); how many."""
        ...

    async def usage(self, tenant: str, room: Room) -> Usage:
        """What a room holds now."""
        ...

    def alone(self, address: Address) -> AbstractAsyncContextManager[None]:
        """Be the only one at this address, among all processes, for as long as one may wait.

        Who dies or takes too long loses this right.
        """
        ...
