"""Reading a content in blocks of whole entries, forwards and backwards.

A block is a piece of a file in memory that begins with an entry and ends behind one, so that
everything else works on whole entries. What is larger than `LARGEST` (an entry without end, a
file without line breaks) is cut there: memory stays flat whatever a file holds.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from adapters.logs.contents import Content
from adapters.logs.formats.format import LineFormat

SMALLEST: Final = 64 * 1024
USUAL: Final = 1 << 20
LARGEST: Final = 4 << 20

Bounds = tuple[int, int]


class Block(NamedTuple):
    """Whole entries: the first `size` bytes of `data`, which lie at `base` of the content."""

    data: bytes
    base: int
    format: LineFormat
    size: int

    @property
    def end(self) -> int:
        """Where the content goes on behind it."""
        return self.base + self.size

    def entries(self) -> Iterator[Bounds]:
        """Where its entries begin and end, within `data`."""
        data, size, starts, mark = self.data, self.size, self.format.starts, self.format.mark
        begin = start = 0
        while start < size:
            end = data.find(b"\n", start, size)
            end = size if end < 0 else end
            if start and (data[start] == mark or starts(data, start, end)):
                yield begin, start
                begin = start
            start = end + 1
        if begin < size:
            yield begin, size

    def around(self, place: int) -> Bounds:
        """The entry that a byte within `data` belongs to."""
        data, size, starts, mark = self.data, self.size, self.format.starts, self.format.mark
        begin = data.rfind(b"\n", 0, place) + 1
        end = data.find(b"\n", place, size)
        behind = stop = size if end < 0 else end
        while begin and data[begin] != mark and not starts(data, begin, stop):
            stop = begin - 1
            begin = data.rfind(b"\n", 0, stop) + 1
        while (following := behind + 1) < size and data[following] != mark:
            end = data.find(b"\n", following, size)
            behind = size if end < 0 else end
            if starts(data, following, behind):
                return begin, following
        return begin, min(behind + 1, size)

    def time_before(self, place: int, down_to: int = 0) -> tuple[int | None, int]:
        """The time of the nearest entry before `place` of `data` that has one, and its beginning.

        Looks no further than `down_to`; (None, `down_to`) says that there is none till there.
        """
        while place > down_to:
            place, end = self.around(place - 1)
            time = self.format.moment(self.data[place:end])
            if time is not None:
                return time, place
        return None, place


class Blocks:
    """A content's blocks."""

    def __init__(self, content: Content, format_: LineFormat) -> None:
        """Read entries of `format_` in `content`."""
        self._content = content
        self._format = format_

    def forward(self, start: int, end: int, size: int = SMALLEST) -> Iterator[Block]:
        """From `start`, where an entry begins, to `end`; blocks grow from `size` on."""
        while start < end:
            block = self._next(start, end, size)
            if not block.size:
                return
            yield block
            start = block.end
            size = min(size * 2, USUAL)

    def backward(self, start: int, end: int, size: int = SMALLEST) -> Iterator[Block]:
        """From `end`, behind an entry, back to `start`, where one begins."""
        while start < end:
            block = self._last(start, end, size)
            if not block.size:
                return
            yield block
            end = block.base
            size = min(size * 2, USUAL)

    def aligned(self, offset: int) -> int:
        """Where the entry begins that a byte belongs to: the offset itself, or before it."""
        if offset <= 0 or offset >= self._content.size:
            return min(max(offset, 0), self._content.size)
        ahead = len(self._line_at(offset))
        size = SMALLEST
        while True:
            base = max(0, offset - size)
            data = self._content.read(base, offset - base + ahead)
            starts = [each for each in self._starts(data, base) if base + each <= offset]
            if starts:
                return base + starts[-1]
            if base == 0 or size >= LARGEST:
                return offset
            size *= 4

    def following(self, offset: int, end: int) -> int:
        """Where the first entry begins at `offset` or behind it; `end` if there is none."""
        size = 4096
        base = max(0, offset - 1)
        while True:
            data = self._content.read(base, size)
            first = next(
                (base + each for each in self._starts(data, base) if base + each >= offset), None
            )
            if first is not None:
                return min(first, end)
            if base + size >= end or not data:
                return end
            if size >= LARGEST:
                base, size = base + len(data) // 2, size // 2
            size *= 2

    def _next(self, start: int, end: int, size: int) -> Block:
        while True:
            data = self._content.read(start, min(size, end - start))
            if start + len(data) >= end or len(data) < size:
                return Block(data, start, self._format, len(data))
            cut = self._last_start(data)
            if not cut and size >= LARGEST:
                cut = data.rfind(b"\n") + 1 or len(data)
            if cut:
                return Block(data, start, self._format, cut)
            size *= 2

    def _last(self, start: int, end: int, size: int) -> Block:
        while True:
            base = max(start, end - size)
            data = self._content.read(base, end - base)
            if base == start:
                return Block(data, base, self._format, len(data))
            cut = next(self._starts(data, base), None)
            if cut is None and size >= LARGEST:
                cut = data.find(b"\n", 0, len(data) - 1) + 1
            if cut is not None:
                return Block(data[cut:], base + cut, self._format, len(data) - cut)
            size *= 2

    def _last_start(self, data: bytes) -> int:
        """Where the last entry begins that is not the first; 0 if there is none."""
        end = data.rfind(b"\n")
        while end > 0:
            start = data.rfind(b"\n", 0, end) + 1
            if not start:
                return 0
            if self._format.starts(data, start, end):
                return start
            end = start - 1
        return 0

    def _starts(self, data: bytes, base: int) -> Iterator[int]:
        """Where entries begin in a piece from anywhere.

        Its first line may be the end of one, and the second cannot be judged by such a first.
        """
        start = 0
        if base:
            start = data.find(b"\n") + 1
            start = data.find(b"\n", start) + 1 if start else 0
            if not start:
                return
        while start < len(data):
            end = data.find(b"\n", start)
            stop = len(data) if end < 0 else end
            if self._format.starts(data, start, stop):
                yield start
            if end < 0:
                return
            start = end + 1

    def _line_at(self, offset: int) -> bytes:
        data = self._content.read(offset, 4096)
        end = data.find(b"\n")
        return data if end < 0 else data[: end + 1]
