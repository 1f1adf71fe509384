"""What a room of a tenant holds and has answered, counted where it lies."""

import contextlib
import os

from adapters.cache.places import SHARDS, Directory
from adapters.cache.processes import counted
from application.cache import Usage


def measure(directory: Directory, space: str) -> Usage:
    """Look at all shards; about two seconds for a million entries."""
    entries = size = 0
    for shard in SHARDS:
        with contextlib.suppress(FileNotFoundError), os.scandir(directory.shard(shard)) as found:
            for each in found:
                if each.name.startswith(space):
                    with contextlib.suppress(FileNotFoundError):
                        size += each.stat().st_size
                        entries += 1
    counts = counted(directory.processes, directory.totals)
    return Usage(entries=entries, bytes=size, hits=counts[space, True], misses=counts[space, False])
