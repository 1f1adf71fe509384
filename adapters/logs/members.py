"""A source's files as streams: each a log with its rotations, the oldest first."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from pathlib import PurePosixPath
from typing import Final

from adapters.logs.blocks import Block, Blocks
from adapters.logs.contents import (
    Content,
    PlainContent,
    Spool,
    compression_of,
    unpacked_head,
)
from adapters.logs.finding import Finder, OpenFile
from adapters.logs.formats.detection import SAMPLE, detect
from adapters.logs.formats.format import LineFormat
from adapters.logs.rotations import COMPRESSED, Rotation, rotation_of
from adapters.logs.stamps import Stamps
from application.log_reader import SourceFiles

HEAD: Final = 1024
_TAIL: Final = 64
_FAR: Final = 1 << 20
_COPYING: Final = 10_000_000_000  # nanoseconds for which a copy may lie beside what it is of


class Member:
    """One file of a stream."""

    def __init__(self, file: OpenFile, source: SourceFiles, spool: Spool) -> None:
        """Read `file`, which the caller closes; what is compressed is unpacked when needed."""
        self.file = file
        self._source = source
        self._spool = spool
        self.compression = compression_of(file)

    @cached_property
    def rotation(self) -> Rotation:
        """What its name tells."""
        return rotation_of(PurePosixPath(self.file.path).name)

    @cached_property
    def content(self) -> Content:
        """Its bytes, unpacked."""
        if self.compression is None:
            return PlainContent(self.file.fd, self.file.size)
        return self._spool.content(self.file)

    @cached_property
    def sample(self) -> bytes:
        """Its first bytes, for which nothing is unpacked to disk."""
        if self.compression is None:
            return PlainContent(self.file.fd, self.file.size).read(0, min(SAMPLE, self.file.size))
        return unpacked_head(self.file, SAMPLE)

    @cached_property
    def format(self) -> LineFormat:
        """How its lines are read."""
        modified = datetime.fromtimestamp(self.file.modified_ns / 1e9, UTC)
        stamps = Stamps(self._source.time_zone, modified=modified)
        return detect(self.sample, stamps, self._source.format)

    @cached_property
    def blocks(self) -> Blocks:
        """Its content in blocks."""
        return Blocks(self.content, self.format)

    @cached_property
    def first_time(self) -> int | None:
        """The time of the first entry that has one, as far as the sample goes."""
        block = Block(self.sample, 0, self.format, len(self.sample))
        times = (self.format.moment(self.sample[start:end]) for start, end in block.entries())
        return next((each for each in times if each is not None), None)

    @cached_property
    def last_time(self) -> int | None:
        """The time of the last entry that has one, not far from the end; None where compressed."""
        if self.compression is not None:
            return None
        size = self.content.size
        return self.time_before(size)

    def time_before(self, offset: int) -> int | None:
        """The time of the nearest entry before an offset that has one, within a megabyte."""
        for block in self.blocks.backward(self.blocks.aligned(offset - _FAR), offset):
            found, _ = block.time_before(block.size)
            if found is not None:
                return found
        return None


class Times:
    """The times of entries that have none: that of the nearest one before them that has.

    What was looked through for one entry is not looked through again for its neighbours.
    """

    def __init__(self, member: Member) -> None:
        """For the entries of one file, in any order."""
        self._member = member
        self._low = self._high = -1
        self._time: int | None = None

    def before(self, block: Block, start: int) -> int | None:
        """For the entry that begins at `start` of a block's data."""
        if self._member.first_time is None:
            return None  # nothing in a long beginning has a time, so nobody looks for more
        place = block.base + start
        if not self._low < place <= self._high:
            is_near = block.base <= self._high < place
            down_to = self._high - block.base if is_near else 0
            time, found = block.time_before(start, down_to)
            if time is not None or not is_near:
                self._low = block.base + found
                if time is None:
                    time = self._member.time_before(block.base)
                    self._low = block.base - 1
                self._time = time
            self._high = place
        return self._time


def head_of(member: Member, length: int = HEAD) -> bytes:
    """A fingerprint of the first bytes: these never change while a file grows."""
    return digest(member.sample[:length])


def anchor_of(content: Content, offset: int) -> bytes:
    """A fingerprint of the bytes before an offset: they tell one text from another."""
    start = max(0, offset - _TAIL)
    return digest(content.read(start, offset - start))


def digest(data: bytes) -> bytes:
    """Eight bytes that tell contents apart."""
    return hashlib.blake2b(data, digest_size=8).digest()


class Streams(dict[str, list[Member]]):
    """The members of each stream by the stream's path, the oldest first."""

    unreadable: int = 0

    @property
    def members(self) -> list[Member]:
        """All of them."""
        return [member for members in self.values() for member in members]


@contextmanager
def opened_streams(finder: Finder, source: SourceFiles, spool: Spool) -> Iterator[Streams]:
    """Open a source's files for the time of one request.

    Raises:
        TooManyFiles, Outage: see `Finder.opened`.
    """
    files, unreadable = finder.opened(source)
    try:
        members = [Member(file, source, spool) for file in files]
        members.sort(key=_stream)
        streams = Streams(
            {name: _ordered(list(group)) for name, group in groupby(members, key=_stream)}
        )
        streams.unreadable = unreadable
        yield streams
    finally:
        for file in files:
            file.close()


def _stream(member: Member) -> str:
    return str(PurePosixPath(member.file.path).with_name(member.rotation.base))


def _ordered(members: list[Member]) -> list[Member]:
    """The oldest first, without copies that a rotation is about to replace."""
    kinds = {member.rotation.kind for member in members} - {"live"}
    if len(kinds) > 1:  # programs were changed: their names do not compare
        members.sort(key=lambda each: (each.rotation.kind == "live", each.file.modified_ns))
    else:
        members.sort(key=lambda each: each.rotation.age)
    names = {member.file.path for member in members}
    members = [member for member in members if not _is_being_packed(member, names)]
    kept: list[Member] = []
    for member in reversed(members):
        if not any(_is_copy(member, newer) for newer in kept[-1:]):
            kept.append(member)
    return kept[::-1]


def _is_being_packed(member: Member, names: set[str]) -> bool:
    """Whether the file that this one is made from still lies beside it."""
    path = member.file.path
    return any(path.endswith(end) and path.removesuffix(end) in names for end in COMPRESSED)


def _is_copy(older: Member, newer: Member) -> bool:
    """Whether a file was copied from the next newer one, which was not cut yet (copytruncate)."""
    if older.compression or newer.compression or newer.rotation.kind != "live":
        return False
    size = min(older.file.size, newer.file.size)
    is_new = time.time_ns() - older.file.modified_ns < _COPYING
    if not is_new or not size or older.file.size > newer.file.size:
        return False
    return head_of(older, size) == head_of(newer, size) and (
        anchor_of(older.content, size) == anchor_of(newer.content, size)
    )
