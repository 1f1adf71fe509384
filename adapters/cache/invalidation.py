"""Removing what an invalidation has killed, and counting it.

The marks have killed it already; this frees the space and tells how much it was. The empty files
of a tag lead to what may have it, so that the cost is that of the entries with the tag.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import get_args

from adapters.cache.files import EntryFiles
from adapters.cache.places import SHARDS, space_of, tag_number
from application.cache import Room

Killed = Callable[[int, Iterable[int]], bool]
"""Whether an entry with this ticket and these marks was alive until an invalidation."""

ROOMS: tuple[Room, ...] = get_args(Room)


def invalidate(files: EntryFiles, tenant: str, tags: Collection[str] | None) -> int:
    """Kill all entries of a tenant with one of these tags (None: all); how many were alive."""
    files.stay()
    wanted = tuple(tag_number(tenant, tag) for tag in (("",) if tags is None else tags))
    killed = files.state.invalidate(wanted)
    names = _all_of(files, tenant) if tags is None else _tagged(files, tenant, tags)
    return sum(_kill(files, name, killed) for name in names)


def _all_of(files: EntryFiles, tenant: str) -> Iterator[str]:
    spaces = tuple(space_of(tenant, room) for room in ROOMS)
    for shard in SHARDS:
        yield from (
            name for name in names_in(files.directory.shard(shard)) if name.startswith(spaces)
        )


def _tagged(files: EntryFiles, tenant: str, tags: Collection[str]) -> Collection[str]:
    directories = [files.directory.tag(tenant, tag) for tag in tags]
    return {name for directory in directories for name in names_in(directory)}


def _kill(files: EntryFiles, name: str, killed: Killed) -> bool:
    """Remove an entry if it is dead now; whether it was alive until this invalidation."""
    life = files.peek(files.directory.entry(name))
    if life is None or files.is_alive(life):
        return False
    files.remove(name)
    in_time = life.written <= files.now() < life.expires
    return in_time and killed(life.ticket, life.marks)


def names_in(directory: str) -> list[str]:
    """What a directory holds; nothing, where there is none."""
    try:
        return os.listdir(directory)  # noqa: PTH208 - names are all that is wanted
    except FileNotFoundError:
        return []
