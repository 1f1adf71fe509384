"""Where things lie in the directory of the cache; no name in it is made of what people typed.

state                    what all processes share: marks, uses, the place in the log
entries/<xx>/<name>      the entries, in 256 shards by the hash of tenant, room and key
drafts/<id>.<n>/         files of one process to write entries in, each renamed into its place
spares/<id>.<n>          files that entries have left, for any process to write in again
tags/<xx>/<tag>/<name>   empty files: which entries may have a tag
locks/<name>             who finds a value out
processes/<id>           the counters of one process, locked for as long as it lives
totals                   the counters of those that have ended
"""

import hashlib
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import xxhash

from adapters.cache.publishing import spread
from application.cache import Address, Room

LAYOUT = "v1"
"""The directory's name within the one that is configured; another layout is another directory."""

SHARDS = tuple(f"{number:02x}" for number in range(256))
SPACE_LENGTH = 16
_REMEMBERED = 8192


class Place(NamedTuple):
    """An address as a file: `identity` is written into it, `space` begins its name."""

    identity: bytes
    space: str
    name: str
    path: str
    raw: bytes
    """The path as the system wants it."""
    number: int
    """Tells entries apart in tables; two may share one."""


@lru_cache(maxsize=_REMEMBERED)
def space_of(tenant: str, room: Room) -> str:
    """What the names of all entries of one room of a tenant begin with."""
    return hashlib.blake2b(f"{tenant}\0{room}".encode(), digest_size=8).hexdigest()


def mark_numbers(tenant: str, tags: Iterable[str]) -> tuple[int, ...]:
    """The marks that an entry depends on: its tenant's and those of its tags."""
    return tuple(tag_number(tenant, tag) for tag in ("", *tags))


@lru_cache(maxsize=_REMEMBERED)
def tag_number(tenant: str, tag: str) -> int:
    """Tells tags apart in tables; two may share one. The empty tag is the whole tenant."""
    return xxhash.xxh3_64_intdigest(f"{tenant}\0{tag}".encode())


class Directory:
    """The paths of one cache."""

    def __init__(self, root: Path) -> None:
        """`root` is the directory that is configured."""
        self.root = root / LAYOUT
        self.state = self.root / "state"
        self.totals = self.root / "totals"
        self.processes = self.root / "processes"
        self.locks = self.root / "locks"
        self.entries = self.root / "entries"
        self.drafts = self.root / "drafts"
        self.spares = self.root / "spares"
        self._entries = f"{self.entries}/"
        self._tags = f"{self.root}/tags/"
        self.place = lru_cache(maxsize=_REMEMBERED)(self._place)
        """The file that an entry has, by its address."""

    def make(self) -> None:
        """Make what is missing, for nobody else to read; shards come with their first files.

        Raises:
            OSError: when it cannot be made.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
        folders = (self.processes, self.locks, self.entries, self.drafts, self.spares)
        for path in (*folders, self.root / "tags"):
            path.mkdir(exist_ok=True)
        spread(self.drafts)

    def make_shards(self) -> None:
        """Make the directories of all shards, so that no entry has to wait for its own.

        Raises:
            OSError: when one cannot be made.
        """
        for shard in set(SHARDS).difference(os.listdir(self.entries)):  # noqa: PTH208 - names
            (self.entries / shard).mkdir(exist_ok=True)

    def _place(self, address: Address) -> Place:
        tenant, room, key = address
        identity = f"{tenant}\0{room}\0{key}".encode()
        digest = hashlib.blake2b(identity, digest_size=16).digest()
        space = space_of(tenant, room)
        name = space + digest.hex()
        number = int.from_bytes(digest[-4:], "little")
        path = self.entry(name)
        return Place(identity, space, name, path, os.fsencode(path), number)

    def shard(self, shard: str) -> str:
        """The directory of a shard."""
        return f"{self._entries}{shard}"

    def entry(self, name: str) -> str:
        """The file of an entry."""
        return f"{self._entries}{name[SPACE_LENGTH : SPACE_LENGTH + 2]}/{name}"

    def drafts_of(self, writer: str) -> str:
        """A directory of what a process writes in."""
        return f"{self.drafts}/{writer}"

    def spare(self, name: str) -> str:
        """A file that any process may take."""
        return f"{self.spares}/{name}"

    def tag_shard(self, shard: str) -> str:
        """The directory of a shard of the tags."""
        return f"{self._tags}{shard}"

    def tag(self, tenant: str, tag: str) -> str:
        """The directory of what may have a tag."""
        digest = hashlib.blake2b(f"{tenant}\0{tag}".encode(), digest_size=16).hexdigest()
        return f"{self._tags}{digest[:2]}/{digest}"
