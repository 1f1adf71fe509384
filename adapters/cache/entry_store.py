"""`EntryStore` over files.

Reading a small entry that the kernel has in memory takes less than handing it to a thread, and is
done at once. What may have to wait for the disk is done in a thread: a large entry, one that is not
in memory, and every write, because renaming a file waits for the file system's journal, which can
take milliseconds beside a busy database. Files for the next writes are made in a thread as well.
"""

import asyncio
import contextlib
from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from uuid import UUID

import structlog

from adapters.cache.files import EntryFiles
from adapters.cache.invalidation import invalidate
from adapters.cache.lock import alone
from adapters.cache.places import Directory, Place, mark_numbers, space_of
from adapters.cache.records import Damaged
from adapters.cache.sweep import Sweeper
from adapters.cache.usage import measure
from application.cache import Address, Entry, Room, Usage
from application.event_store import Outage

log = structlog.get_logger(__name__)

_LEASE = 60.0
"""Seconds that finding out a value may take before another may try."""


class FileEntryStore:
    """Entries in a directory that is shared with other processes."""

    def __init__(self, root: Path, limit: int, *, lease: float = _LEASE) -> None:
        """`limit` in bytes of files; `lease` in seconds.

        Raises:
            OSError: when the directory cannot be used.
        """
        self.files = EntryFiles(Directory(root))
        self.sweeper = Sweeper(self.files, limit)
        self._lease = lease
        self._looking: asyncio.Task[int] | None = None
        self._filling: asyncio.Future[None] | None = None

    def close(self) -> None:
        """Leave the directory to the others."""
        self.files.close()

    def ticket(self) -> int:
        """See `EntryStore.ticket`."""
        return self.files.state.ticket

    def fresh(self, tenant: str, tags: Collection[str], ticket: int) -> bool:
        """See `EntryStore.fresh`."""
        return self.files.state.fresh(ticket, mark_numbers(tenant, tags))

    async def find(self, address: Address, *, stale: bool = False) -> Entry | None:
        """See `EntryStore.find`."""
        place = self.files.directory.place(address)
        files = self.files
        entry, now = None, files.now()
        try:
            entry = files.entry_of(files.read_at_once(place), place, now, stale=stale)
        except FileNotFoundError:
            pass
        except (OSError, Damaged):  # it is large or on the disk, or we have not seen all of it
            entry = await asyncio.to_thread(self._find_slowly, place, stale=stale)
        if not stale:
            files.process.count(place.space, hit=entry is not None)
            if entry is not None:
                files.state.used(place.number, now)
        return entry

    async def put(self, address: Address, entry: Entry, ticket: int) -> bool:
        """See `EntryStore.put`."""
        place = self.files.directory.place(address)
        try:
            new = await asyncio.to_thread(self.files.write, address, place, entry, ticket)
        except OSError as error:
            raise Outage(f"the cache cannot be written: {error.strerror}") from None
        if self.sweeper.should_look and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(asyncio.to_thread(self.sweeper.evict))
        if self.files.spares.low and (self._filling is None or self._filling.done()):
            self._filling = asyncio.get_running_loop().run_in_executor(None, self._fill)
        return new

    async def delete(self, address: Address) -> bool:
        """See `EntryStore.delete`."""
        place = self.files.directory.place(address)
        life = self.files.peek(place.path)
        self.files.remove(place.name)
        return life is not None and self.files.is_alive(life)

    async def invalidate(self, tenant: str, tags: Collection[str] | None) -> int:
        """See `EntryStore.invalidate`."""
        return await asyncio.to_thread(invalidate, self.files, tenant, tags)

    async def usage(self, tenant: str, room: Room) -> Usage:
        """See `EntryStore.usage`."""
        return await asyncio.to_thread(measure, self.files.directory, space_of(tenant, room))

    def alone(self, address: Address) -> AbstractAsyncContextManager[None]:
        """See `EntryStore.alone`."""
        directory = self.files.directory
        return alone(directory.locks / directory.place(address).name, self._lease)

    def followed(self, incarnation: UUID) -> int | None:
        """See `FollowsLog.followed`."""
        return self.files.state.followed(incarnation)

    def follow(
        self, incarnation: UUID, position: int, tags: Iterable[tuple[int, str, str]]
    ) -> None:
        """See `FollowsLog.follow`."""
        self.files.stay()
        self.files.state.follow(incarnation, position, tags)

    def follow_from(self, incarnation: UUID, position: int) -> None:
        """See `FollowsLog.follow_from`."""
        self.files.stay()
        self.files.state.follow_from(incarnation, position)

    def _fill(self) -> None:
        """Make files for the next writes; whoever misses one makes it himself, or says why not."""
        with contextlib.suppress(OSError):
            self.files.spares.fill()

    def _find_slowly(self, place: Place, *, stale: bool) -> Entry | None:
        files = self.files
        try:
            return files.find(place, stale=stale)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("cache_not_read", error=error.strerror)
            return None
        except Damaged:
            files.stay()
            log.warning("cache_entry_damaged", name=place.name)
            files.remove(place.name)
            return None
