"""`Cache` over any `EntryStore`: one loader per key at a time, stale on error."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

import structlog

from application.cache import Address, Entry, EntryStore, Loader
from application.event_store import Outage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What one `load` asked for."""

    address: Address
    loader: Loader
    ttl: timedelta
    tags: tuple[str, ...]
    stale_for: timedelta


@dataclass(frozen=True)
class _Flight:
    """A value being found out, for whoever asks meanwhile."""

    ticket: int
    tags: tuple[str, ...]
    task: asyncio.Task[bytes]


class LoadingCache:
    """See `Cache`."""

    def __init__(
        self,
        entries: EntryStore,
        reached: Callable[[int], Awaitable[None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`reached` waits for a position; `now` gives seconds since 1970, as all processes do."""
        self._entries = entries
        self._reached = reached
        self._now = now
        self._flights: dict[Address, _Flight] = {}

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
        """See `Cache.load`."""
        address = Address(tenant, "platform", key)
        flight = self._flights.get(address)
        if flight is None or not self._entries.fresh(tenant, flight.tags, flight.ticket):
            entry = await self._entries.find(address)
            if entry is not None:
                return entry.value
            flight = self._begin(
                _Wanted(
                    address=address,
                    loader=loader,
                    ttl=ttl,
                    tags=tuple(tags),
                    stale_for=stale_for,
                )
            )
        return await asyncio.shield(flight.task)

    async def invalidate(self, tags: Collection[str] | None, *, tenant: str) -> int:
        """See `Cache.invalidate`."""
        return await self._entries.invalidate(tenant, tags)

    async def reached(self, position: int) -> None:
        """See `Cache.reached`."""
        await self._reached(position)

    def _begin(self, wanted: _Wanted) -> _Flight:
        """Start finding out, or join who did so while we looked."""
        flight = self._flights.get(wanted.address)
        if flight and self._entries.fresh(wanted.address.tenant, flight.tags, flight.ticket):
            return flight
        ticket = self._entries.ticket()
        task = asyncio.create_task(self._find_out(wanted), name=f"load {wanted.address.key[:60]}")
        flight = self._flights[wanted.address] = _Flight(ticket, wanted.tags, task)
        task.add_done_callback(lambda _: self._ended(wanted.address, flight))
        return flight

    def _ended(self, address: Address, flight: _Flight) -> None:
        if self._flights.get(address) is flight:
            del self._flights[address]
        if not flight.task.cancelled():
            flight.task.exception()  # everybody who asked may have gone away

    async def _find_out(self, wanted: _Wanted) -> bytes:
        async with self._entries.alone(wanted.address):
            found = await self._entries.find(wanted.address, stale=True)
            if found is not None and self._now() < found.expires_at:
                return found.value  # another process was faster
            ticket = self._entries.ticket()
            try:
                value = await wanted.loader()
            except Exception as failure:
                found = await self._entries.find(wanted.address, stale=True)
                if found is None:
                    raise
                log.warning(
                    "cache_served_stale", key=wanted.address.key, error=type(failure).__name__
                )
                return found.value
            await self._keep(wanted, value, ticket)
            return value

    async def _keep(self, wanted: _Wanted, value: bytes, ticket: int) -> None:
        at = self._now()
        expires = at + wanted.ttl.total_seconds()
        entry = Entry(
            value=value,
            tags=wanted.tags,
            written_at=at,
            expires_at=expires,
            stale_until=expires + wanted.stale_for.total_seconds(),
        )
        try:
            await self._entries.put(wanted.address, entry, ticket)
        except Outage as outage:
            log.warning("cache_entry_not_kept", detail=outage.detail)
