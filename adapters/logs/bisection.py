"""The part of a content that may hold a window of time, found by bisection.

Logs are sorted by time almost. Promised is: no entry's time lies more than `slack` behind that of
one written before it. So wherever we look, an entry earlier than `since - slack` tells that all
before it are too early, and one from `until + slack` on tells that all behind it are too late.
That holds at every single probe, so that disorder within the slack costs reading a little more and
never an entry.
"""

from typing import Final

from adapters.logs.members import Member

_CLOSE: Final = 32 * 1024
_FEW: Final = 64


def window(member: Member, since: int | None, until: int | None, slack: int) -> tuple[int, int]:
    """From where to where a file must be read; times and slack in microseconds."""
    size = member.content.size
    start, end = 0, size
    if since is not None:
        start, _ = _closed_in(member, 0, size, since - slack)
    if until is not None:
        _, end = _closed_in(member, start, size, until + slack)
    return start, end


def _closed_in(member: Member, low: int, high: int, time: int) -> tuple[int, int]:
    """The nearest known offsets around the first entry from `time` on.

    An entry earlier than `time` begins at the lower one, or it is where we began; one not earlier
    begins at the higher one, or it is the end.
    """
    reach = high
    while reach - low > _CLOSE:
        middle = (low + reach) // 2
        found = _probe(member, middle, high)
        if found is None or found[0] >= high:
            reach = middle
        elif found[1] >= time:
            high = found[0]
            reach = middle
        else:
            low = found[0]
            reach = max(reach, low)
    return low, high


def _probe(member: Member, offset: int, end: int) -> tuple[int, int] | None:
    """Where the first dated entry from `offset` on begins, and its time."""
    for _ in range(_FEW):
        start = member.blocks.following(offset, end)
        if start >= end:
            return None
        time = member.format.moment(_first_line(member, start))
        if time is not None:
            return start, time
        offset = start + 1
    return None


def _first_line(member: Member, start: int) -> bytes:
    size = 4096
    while True:
        data = member.content.read(start, size)
        end = data.find(b"\n")
        if end >= 0:
            return data[: end + 1]
        if len(data) < size or size >= 4 << 20:
            return data
        size *= 8
