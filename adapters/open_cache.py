"""The cache, opened: where entries lie, and what loads them."""

from dataclasses import dataclass

from adapters.memory.entry_store import MemoryEntryStore
from application.cache import Cache, EntryStore
from application.loading_cache import LoadingCache


@dataclass(frozen=True, kw_only=True)
class OpenCache:
    """What a process has of the cache."""

    entries: EntryStore
    loads: Cache


def memory_cache() -> OpenCache:
    """A cache of this process alone, for tests."""
    entries = MemoryEntryStore()
    return OpenCache(entries=entries, loads=LoadingCache(entries))
