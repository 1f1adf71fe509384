"""The end of one file, as it grows: entries that are complete, and what happened to the file.

The descriptor stays open, so a file that was renamed or removed is still read to its end. A file
that was cut is known by its size, or by the bytes around the place where we are: it may have
grown beyond that again.
"""

import os
import time
from pathlib import Path
from typing import Final, NamedTuple

from adapters.logs.blocks import Block
from adapters.logs.contents import PlainContent
from adapters.logs.formats.detection import SAMPLE, detect
from adapters.logs.formats.format import LineFormat
from adapters.logs.members import HEAD, Member, anchor_of, digest
from adapters.logs.pages import cut_entry
from adapters.logs.places import Place
from adapters.logs.sieve import Sieve
from adapters.logs.stamps import Stamps
from application.log_reader import Dropped, LogEntry, Notice, SourceFiles

PIECE: Final = 1 << 20
BACKLOG: Final = 4 << 20
HOLD: Final = 0.1
"""Seconds for which the last entry may still be followed by more lines of it."""
_SETTLED: Final = 4096  # bytes after which a file's format is not guessed anew

Item = LogEntry | Notice


class Look(NamedTuple):
    """What one look found, and whether there is more to see at once."""

    items: list[Item]
    more: bool = False


class Tail:
    """One followed file."""

    def __init__(self, member: Member, source: SourceFiles, offset: int | None) -> None:
        """Follow from `offset` on, or from the end of the last whole line; duplicates the file."""
        self.path = member.file.path
        self.device, self.inode = member.file.device, member.file.inode
        self._source = source
        self._content = PlainContent(os.dup(member.content.fd), member.content.size)
        self._packed = member.compression is not None
        self.offset = self._line_start() if offset is None else self._aligned(member, offset)
        self.grew_at = time.monotonic()
        self._head = b""
        self._anchor = b""
        self._format: LineFormat | None = None
        self._note()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._content.fd)

    @property
    def is_read(self) -> bool:
        """Whether all of it was given."""
        return self.offset >= self._content.size

    @property
    def is_named(self) -> bool:
        """Whether its name still means it."""
        try:
            found = Path(self.path).stat(follow_symlinks=False)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == (self.device, self.inode)

    def is_cut(self) -> bool:
        """Whether what was read so far is no longer what the file holds."""
        if self._packed:
            return False
        size = os.fstat(self._content.fd).st_size
        if size < self.offset:
            return True
        return (
            self._content.read(0, len(self._head)) != self._head
            or anchor_of(self._content, self.offset) != self._anchor
        )

    def begin_again(self) -> None:
        """Read a cut file from its beginning."""
        self.offset, self._head, self._format = 0, b"", None
        self._note()

    def place(self, stream: str) -> Place:
        """Where we are."""
        return Place(
            stream=stream,
            device=self.device,
            inode=self.inode,
            length=len(self._head),
            head=digest(self._head),
            offset=self.offset,
            anchor=self._anchor if self.offset else b"",
        )

    def look(self, sieve: Sieve, *, final: bool = False) -> Look:
        """The entries that have become complete; `final`: nothing will be added to the last."""
        size = os.fstat(self._content.fd).st_size
        if size != self._content.size:
            self._content.size = size
            self.grew_at = time.monotonic()
        if self.is_read:
            return Look([])
        items: list[Item] = list(self._dropped(size))
        data = self._content.read(self.offset, min(PIECE, size - self.offset))
        is_all = self.offset + len(data) >= size
        quiet = final or time.monotonic() - self.grew_at >= HOLD
        whole = self._whole(data, is_all=is_all, quiet=quiet, final=final)
        if whole:
            block = Block(data, self.offset, self._formatted(), whole)
            items += self._entries(block, sieve)
            self.offset += whole
        self._note()
        return Look(items, more=bool(whole) and not self.is_read and not is_all)

    def _whole(self, data: bytes, *, is_all: bool, quiet: bool, final: bool) -> int:
        """How much of a piece is complete entries."""
        complete = len(data) if is_all and final else data.rfind(b"\n") + 1
        if is_all and quiet:
            return complete
        block = Block(data, self.offset, self._formatted(), complete)
        starts = [start for start, _ in block.entries()]
        if len(starts) > 1:
            return starts[-1]
        return 0 if is_all else complete or len(data)  # larger than a piece: cut there

    def _entries(self, block: Block, sieve: Sieve) -> list[Item]:
        found: list[Item] = []
        for bounds in sieve.candidates(block):
            parsed = sieve.parsed(block, bounds)
            if parsed is not None:
                start, end = bounds
                found.append(cut_entry(parsed, self.path, block.base + start, end - start))
        return found

    def _dropped(self, size: int) -> list[Dropped]:
        """Pass over what is too much to catch up with, and count it."""
        if size - self.offset <= BACKLOG:
            return []
        start, lines = self.offset, 0
        target = size - PIECE
        while self.offset < target:
            data = self._content.read(self.offset, min(PIECE, target - self.offset))
            if not data:
                break
            lines += data.count(b"\n")
            self.offset += len(data)
        rest = self._content.read(self.offset, PIECE)
        line = rest.find(b"\n") + 1
        self.offset += line
        lines += bool(line)
        return [Dropped(file=self.path, lines=lines, bytes=self.offset - start)]

    def _formatted(self) -> LineFormat:
        if self._format is None or len(self._head) < min(HEAD, _SETTLED):
            sample = self._content.read(0, min(SAMPLE, self._content.size))
            self._format = detect(sample, Stamps(self._source.time_zone), self._source.format)
        return self._format

    def _note(self) -> None:
        """Keep what tells later whether the file is still the same."""
        if len(self._head) < HEAD:
            self._head = self._content.read(0, min(HEAD, self.offset))
        self._anchor = anchor_of(self._content, self.offset)

    def _aligned(self, member: Member, offset: int) -> int:
        """Where the entry begins that goes on at an offset: it is given again, whole."""
        if offset < self._content.size:
            return member.blocks.aligned(offset)
        is_whole = not offset or self._content.read(offset - 1, 1) == b"\n"
        return offset if is_whole else self._line_start()

    def _line_start(self) -> int:
        """The end of the last whole line: the rest of one begun is still to come."""
        size = self._content.size
        base = max(0, size - PIECE)
        line = self._content.read(base, size - base).rfind(b"\n") + 1
        return base + line if line or not base else size
