"""The cache, opened: where entries lie, what loads them, and what follows the log for them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from adapters.cache.entry_store import FileEntryStore
from adapters.cache.places import SHARDS
from adapters.memory.entry_store import MemoryEntryStore
from adapters.settings import Settings
from adapters.startup import CannotStart
from application.cache import Cache, EntryStore
from application.cache_invalidations import CacheFollower
from application.loading_cache import LoadingCache
from application.tail import Tail

if TYPE_CHECKING:
    from adapters.platform import Platform

log = structlog.get_logger(__name__)

ROUND = 60.0
"""Seconds in which everything is swept once."""


@dataclass(frozen=True, kw_only=True)
class OpenCache:
    """What a process has of the cache."""

    entries: EntryStore
    loads: Cache
    follower: CacheFollower


@contextmanager
def opened_entries(settings: Settings) -> Iterator[FileEntryStore]:
    """The entries in their directory.

    Raises:
        CannotStart: when it cannot be used.
    """
    try:
        entries = FileEntryStore(settings.cache_dir, settings.cache_size)
    except OSError as error:
        raise CannotStart(f"CACHE_DIR {settings.cache_dir}: {error.strerror}") from None
    try:
        yield entries
    finally:
        entries.close()


def open_cache(entries: FileEntryStore | MemoryEntryStore, tail: Tail) -> OpenCache:
    """The cache over its entries."""
    follower = CacheFollower(entries, tail)
    return OpenCache(
        entries=entries, loads=LoadingCache(entries, follower.reached), follower=follower
    )


async def sweep(platform: "Platform") -> None:
    """Clean the directory shard by shard, for ever; a chore of the scheduler."""
    store = platform.cache.entries
    assert isinstance(store, FileEntryStore)  # noqa: S101 - what a scheduler opens
    while True:
        for shard in SHARDS:
            await _tried(store.sweeper.sweep_shard, shard)
            await asyncio.sleep(ROUND / len(SHARDS))
        await _tried(store.sweeper.finish_round)


async def _tried(work: Callable[..., object], *arguments: object) -> None:
    """Do this in a thread; that it fails is told and changes nothing."""
    try:
        await asyncio.to_thread(work, *arguments)
    except OSError as error:
        log.warning("cache_not_swept", error=error.strerror)
