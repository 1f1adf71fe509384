"""What a query looks for, as fast tests on bytes before anything is parsed.

One condition finds candidates in whole blocks at the speed of memory: the text, the pattern, the
bytes that a field's value must lie there as, or the words of a level. The others are checked on
each candidate. Text and pattern are looked for in lines as they lie in the file, like grep does.

Patterns are RE2's, whose time grows with the text and nothing else. They see many lines at once,
and never match across a line break.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import re2

from adapters.logs.blocks import Block, Bounds
from adapters.logs.formats.format import Parsed
from application.log_reader import Level, LogQuery
from domain.rejections import Fault, Invalid

_MEMORY: Final = 16 << 20
_BY_LINE: Final = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-|\(\?[a-zA-Z]*s")
"""Patterns that mean a line's ends by `\\A` and `\\z`, or switch flags: they get single lines."""

Find = Callable[[bytes, int, int], int]
"""Where something lies first in data, between two places; -1 if nowhere."""


class Sieve:
    """A query, ready to be asked about entries."""

    def __init__(self, query: LogQuery) -> None:
        """Compile it.

        Raises:
            Invalid: its pattern is none that RE2 understands.
        """
        self._fields = dict(query.fields)
        self._levels = query.levels
        self._finds: list[Find] = []
        self._slow: list[Find] = []
        if query.q is not None and query.ignore_case:
            self._finds.append(_matching(_compiled(f"(?im){re2.escape(query.q)}", "q")))
        elif query.q is not None:
            self._finds.append(_literal(query.q.encode()))
        if query.regex is not None and _BY_LINE.search(query.regex):
            self._slow.append(_line_by_line(_compiled(query.regex, "regex")))
        elif query.regex is not None:
            self._finds.append(_matching(_compiled(f"(?m){query.regex}", "regex")))
        self._prefilters: dict[str, list[Find] | None] = {}

    def candidates(self, block: Block) -> list[Bounds]:
        """The entries of a block that may be meant, in order."""
        finds = self._finds[:1] or self._prefilter(block)
        if finds is None:
            return list(block.entries())
        found: set[Bounds] = set()
        for find in finds:
            found.update(_entries_with(find, block))
        return sorted(found)

    def parsed(self, block: Block, bounds: Bounds) -> Parsed | None:
        """A candidate's parts, if it is what the query means (but for its time)."""
        start, end = bounds
        if any(find(block.data, start, end) < 0 for find in (*self._finds[1:], *self._slow)):
            return None
        entry = block.data[start:end]
        is_field = block.format.field_is
        if not all(is_field(entry, name, value) for name, value in self._fields.items()):
            return None
        parsed = block.format.parse(entry)
        if self._levels and parsed.level not in self._levels:
            return None
        return parsed

    @property
    def levels(self) -> frozenset[Level]:
        """The levels that are meant; empty is any."""
        return self._levels

    @property
    def is_open(self) -> bool:
        """Whether every entry is meant, but for its level and time."""
        return not (self._finds or self._slow or self._fields)

    def _prefilter(self, block: Block) -> list[Find] | None:
        """What to look for where neither text nor pattern is asked for; the same per format."""
        name = block.format.name
        if name not in self._prefilters:
            self._prefilters[name] = self._made(block)
        return self._prefilters[name]

    def _made(self, block: Block) -> list[Find] | None:
        choices = [block.format.needles(name, value) for name, value in self._fields.items()]
        known = [needles for needles in choices if needles is not None]
        if known:
            best = max(known, key=lambda needles: len(needles[0]) if needles else 1 << 20)
            return [_literal(needle) for needle in best]
        common = {"info", "debug"} & self._levels
        if not self._levels or common:
            return None
        pattern = block.format.level_pattern(self._levels)
        return None if pattern is None else [_matching(_compiled(pattern, "level"))]


def _entries_with(find: Find, block: Block) -> Iterable[Bounds]:
    place, size = 0, block.size
    while place < size:
        found = find(block.data, place, size)
        if not 0 <= found < size:
            return
        bounds = block.around(found)
        yield bounds
        place = bounds[1]


def _literal(needle: bytes) -> Find:
    def find(data: bytes, start: int, end: int) -> int:
        return data.find(needle, start, end)

    return find


def _matching(pattern: Any) -> Find:
    def find(data: bytes, start: int, end: int) -> int:
        found = pattern.search(data, start, end)
        # An empty match behind the last line break would be in no line.
        if found is None or (found.start() == end and end > start and data[end - 1] == 10):  # noqa: PLR2004
            return -1
        return int(found.start())

    return find


def _line_by_line(pattern: Any) -> Find:
    def find(data: bytes, start: int, end: int) -> int:
        while start < end:
            stop = data.find(b"\n", start, end)
            stop = end if stop < 0 else stop
            if pattern.search(data[start:stop]) is not None:
                return start
            start = stop + 1
        return -1

    return find


def _compiled(pattern: str, name: str) -> Any:
    options = re2.Options()
    options.never_nl = True
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        text = error.args[0] if error.args else ""
        why = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        detail = f"RE2 does not understand this pattern: {why}"
        raise Invalid(Fault(pointer=f"/{name}", code="bad-pattern", detail=detail)) from None
