"""Plain text, and what holds its lines together: stamps, or indentation and tracebacks.

In a file whose lines begin with time stamps, a line without one goes on with the entry before.
In a file without stamps, indented lines do, and the parts of Python's and Java's tracebacks.
Whether a line goes on is told by itself and the line before it, so that reading backwards and
from the middle of a file sees the same entries.
"""

import re
from collections.abc import Sequence

from typing_extensions import override

from adapters.logs import levels
from adapters.logs.formats.format import BLANKS, Parsed, text_of
from adapters.logs.stamps import Stamps
from application.log_reader import Format, Level

_CONTINUES = re.compile(
    rb"[ \t\r\n]|Traceback \(most recent call last\):|Caused by: |During handling of the above "
    rb"exception|The above exception was the direct cause|\.\.\. \d+ more|goroutine \d+ \[|\)|\}|\]"
)
_EXCEPTION = re.compile(
    rb"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*?(?:Error|Exception|Warning|Interrupt|Exit|Group|Failure|"
    rb"Timeout|Iteration|Refused|Fault)(?:: |:?\r?$)|(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*(?:: |:?\r?$)"
)


def continues(data: bytes, start: int, end: int) -> bool:
    """Whether an unstamped line goes on with the one before it."""
    if start == end or _CONTINUES.match(data, start, end):
        return True
    before = data.rfind(b"\n", 0, start - 1) + 1
    return data[before] in BLANKS and _EXCEPTION.match(data, start, end) is not None


class UndatedText:
    """Text whose lines have no time stamps."""

    name: Format = "text"
    mark = -1

    def starts(self, data: bytes, start: int, end: int) -> bool:
        """See `LineFormat.starts`."""
        return start == 0 or not continues(data, start, end)

    def moment(self, line: bytes) -> int | None:  # noqa: ARG002 - there is none
        """See `LineFormat.moment`."""
        return None

    def head(self, entry: bytes) -> tuple[int | None, Level | None]:
        """See `LineFormat.head`."""
        return self.moment(entry), levels.in_text(entry)

    def parse(self, entry: bytes) -> Parsed:
        """See `LineFormat.parse`."""
        return Parsed(None, levels.in_text(entry), text_of(entry), {})

    def field_is(self, entry: bytes, name: str, value: str) -> bool:  # noqa: ARG002 - none
        """See `LineFormat.field_is`."""
        return False

    def needles(self, name: str, value: str) -> Sequence[bytes] | None:  # noqa: ARG002 - none
        """See `LineFormat.needles`."""
        return ()

    def level_pattern(self, wanted: frozenset[Level]) -> str | None:
        """See `LineFormat.level_pattern`."""
        return levels.pattern_of(wanted)


class DatedText(UndatedText):
    """Text whose entries begin with time stamps."""

    def __init__(self, stamps: Stamps) -> None:
        """Read times with `stamps`."""
        self._stamps = stamps

    @override
    def starts(self, data: bytes, start: int, end: int) -> bool:
        """See `LineFormat.starts`."""
        return start == 0 or (
            end - start > 14 and self._stamps.leading(data[start : start + 48]) is not None  # noqa: PLR2004
        )

    @override
    def moment(self, line: bytes) -> int | None:
        """See `LineFormat.moment`."""
        found = self._stamps.leading(line[:48])
        return None if found is None else found[0]

    @override
    def parse(self, entry: bytes) -> Parsed:
        """See `LineFormat.parse`."""
        found = self._stamps.leading(entry[:64])
        if found is None:
            return super().parse(entry)
        at, rest = found
        return Parsed(at, levels.in_text(entry), text_of(entry[rest:]), {})
