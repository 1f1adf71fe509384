"""One stream read in one direction: its matching entries, one at a time.

A stream is read file by file and block by block, and only as far as somebody asks for the next
entry. At any moment it can say where it is, in a place that a cursor can hold.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from adapters.logs.bisection import window
from adapters.logs.blocks import Block, Bounds
from adapters.logs.budget import Budget, TimeUp
from adapters.logs.formats.format import Parsed
from adapters.logs.members import Member, Times
from adapters.logs.sieve import Sieve

Spot = tuple[int, int]
"""A file of the stream by its index, and an offset in it."""


class Span(NamedTuple):
    """A window of time, in microseconds; None is open."""

    since: int | None
    until: int | None
    slack: int

    def holds(self, time: int | None) -> bool:
        """Whether a time lies in it; what has no time lies only in one without ends."""
        if self.since is None and self.until is None:
            return True
        if time is None or (self.since is not None and time < self.since):
            return False
        return self.until is None or time < self.until


class Hit(NamedTuple):
    """An entry that is meant. `time` is its own, or that of the entry before it."""

    parsed: Parsed
    time: int | None
    member: int
    start: int
    end: int


class Stream:
    """The matching entries of one stream, from a spot on."""

    def __init__(
        self,
        members: Sequence[Member],
        sieve: Sieve,
        span: Span,
        budget: Budget,
        *,
        forward: bool,
        start: Spot | None = None,
    ) -> None:
        """Begin at `start`, or at the end that the direction comes from."""
        self._members = members
        self._sieve = sieve
        self._span = span
        self._budget = budget
        self._forward = forward
        last = len(members) - 1
        self._spot = start or ((0, 0) if forward else (last, members[last].content.size))
        self.began = self._spot
        self.head: Hit | None = None
        self.stopped = False
        self.key: int | None = None
        self._hits = self._found()

    def advance(self) -> None:
        """Go to the next entry; `head` is None at the end, and where the time is up."""
        try:
            self.head = next(self._hits, None)
        except TimeUp:
            self.head, self.stopped = None, True
        if self.head is not None and self.head.time is not None:
            time = self.head.time
            bound = max if self._forward else min
            self.key = time if self.key is None else bound(self.key, time)

    @property
    def spot(self) -> Spot:
        """The boundary behind what was taken: before the head, or where the search stands."""
        if self.head is None:
            return self._spot
        return self.head.member, self.head.start if self._forward else self.head.end

    def member(self, index: int) -> Member:
        """One of its files."""
        return self._members[index]

    def _found(self) -> Iterator[Hit]:
        first, offset = self._spot
        step = 1 if self._forward else -1
        index = first
        while 0 <= index < len(self._members):
            member = self._members[index]
            if self._is_past(index):
                break
            if self._is_possible(index):
                yield from self._within(index, member, offset if index == first else None)
            index += step
        last = len(self._members) - 1
        self._spot = (last, self._members[last].content.size) if self._forward else (0, 0)

    def _is_past(self, index: int) -> bool:
        """Whether this file and all further ones in our direction are out of the window."""
        since, until, slack = self._span
        if self._forward:
            if until is None:
                return False
            time = self._members[index].first_time
            return time is not None and time >= until + slack
        return since is not None and self._ended_before(index, since)

    def _is_possible(self, index: int) -> bool:
        """Whether a file may hold something of the window; what can be told without unpacking."""
        since, until, slack = self._span
        if since is not None and self._ended_before(index, since):
            return False
        if until is None:
            return True
        time = self._members[index].first_time
        return time is None or time < until + slack

    def _ended_before(self, index: int, since: int) -> bool:
        """Whether a file ended before a time: a following one began before it, by the slack."""
        following = self._members[index + 1 :]
        time = next((each.first_time for each in following if each.first_time is not None), None)
        return time is not None and time + self._span.slack < since

    def _within(self, index: int, member: Member, offset: int | None) -> Iterator[Hit]:
        since, until, slack = self._span
        low, high = window(member, since, until, slack)
        blocks = member.blocks
        if self._forward:
            low = low if offset is None else max(low, blocks.aligned(offset))
            pieces = blocks.forward(low, high)
        else:
            high = high if offset is None else min(high, offset)
            pieces = blocks.backward(low, high)
        self._spot = index, low if self._forward else high
        times = Times(member)
        for block in pieces:
            self._budget.check()
            candidates = self._sieve.candidates(block)
            for bounds in candidates if self._forward else reversed(candidates):
                hit = self._hit(index, times, block, bounds)
                if hit is not None:
                    self._spot = index, hit.end if self._forward else hit.start
                    yield hit
            self._spot = index, block.end if self._forward else block.base

    def _hit(self, index: int, times: Times, block: Block, bounds: Bounds) -> Hit | None:
        if self._is_out(block, bounds):
            return None
        parsed = self._sieve.parsed(block, bounds)
        if parsed is None:
            return None
        time = parsed.at
        if time is None:
            time = times.before(block, bounds[0])
        if not self._span.holds(time):
            return None
        return Hit(parsed, time, index, block.base + bounds[0], block.base + bounds[1])

    def _is_out(self, block: Block, bounds: Bounds) -> bool:
        """Whether an entry has a time outside the window, told before anything else is read."""
        if self._span.since is None and self._span.until is None:
            return False
        time = block.format.moment(block.data[bounds[0] : bounds[1]])
        return time is not None and not self._span.holds(time)
