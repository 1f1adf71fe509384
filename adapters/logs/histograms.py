"""Counts by level over time.

Streams are read side by side, always the one that is furthest back in time, so that what is
counted when the time is up is everything before one moment.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from adapters.logs.bisection import window
from adapters.logs.blocks import USUAL, Block
from adapters.logs.budget import Budget, TimeUp
from adapters.logs.members import Member, Streams, Times
from adapters.logs.pages import span_of
from adapters.logs.sieve import Sieve
from adapters.logs.stamps import SECOND, moment
from adapters.logs.streams import Span
from application.log_reader import Level, LogBucket, LogHistogram, LogQuery

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
STEPS: Final = (
    *(0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28, 91, 364, 3640)),
)
"""Seconds: lengths that people count in."""

Counts = Counter[tuple[int, Level | None]]


def histogram(
    streams: Streams, query: LogQuery, slack: float, buckets: int, seconds: float
) -> LogHistogram:
    """Count what a query asks for, in at most `buckets` steps."""
    asked, sieve, budget = span_of(query, slack), Sieve(query), Budget(seconds)
    ends = _ends(streams)
    since = asked.since if asked.since is not None else ends[0]
    until = asked.until if asked.until is not None else ends[1] and ends[1] + 1
    step = _step(since, until, buckets)
    width = round(step * SECOND)
    counts: Counts = Counter()
    reached = _count_all(streams, sieve, asked, budget, width, counts)
    undated = sum(count for (start, _), count in counts.items() if start < 0)
    dated = {key: count for key, count in counts.items() if key[0] >= 0}
    return LogHistogram(
        step=step,
        since=None if since is None else moment(since),
        until=None if until is None else moment(until),
        buckets=_buckets(dated, width, reached),
        undated=undated,
        unfinished=reached is not None,
        counted_until=None if reached is None else moment(reached),
    )


def _count_all(
    streams: Streams, sieve: Sieve, span: Span, budget: Budget, width: int, counts: Counts
) -> int | None:
    """Count everything; the time before which all is counted, where it was not everything."""
    runs = [
        (members[0].first_time or 0, name, _counted(members, sieve, span, budget, width, counts))
        for name, members in streams.items()
    ]
    heapq.heapify(runs)
    reached = 0
    try:
        while runs:
            reached, name, run = runs[0]
            following = next(run, None)
            if following is None:
                heapq.heappop(runs)
            else:
                heapq.heapreplace(runs, (max(reached, following), name, run))
    except TimeUp:
        return max(0, reached - span.slack) // width * width
    return None


def _counted(
    members: Sequence[Member],
    sieve: Sieve,
    span: Span,
    budget: Budget,
    width: int,
    counts: Counts,
) -> Iterator[int]:
    """Count a stream block by block, and say each time how far it is."""
    time: int | None = None
    for index, member in enumerate(members):
        following = next(
            (each.first_time for each in members[index + 1 :] if each.first_time), None
        )
        if span.since is not None and following and following + span.slack < span.since:
            continue
        if span.until is not None and (member.first_time or 0) >= span.until + span.slack:
            return
        low, high = window(member, *span)
        if time is None and low:
            time = member.time_before(low)
        times = Times(member)
        for block in member.blocks.forward(low, high, USUAL):
            budget.check()
            if sieve.is_open:
                time = _count_heads(block, sieve, span, width, counts, time)
            else:
                time = _count_matches(block, sieve, span, width, counts, times) or time
            yield time or 0


def _count_heads(
    block: Block, sieve: Sieve, span: Span, width: int, counts: Counts, time: int | None
) -> int | None:
    """Count a block whose entries need not be read beyond their time and level."""
    data, head, levels = block.data, block.format.head, sieve.levels
    for start, end in block.entries():
        at, level = head(data[start:end])
        if at is not None:
            time = at
        if (not levels or level in levels) and span.holds(time):
            counts[-1 if time is None else time // width, level] += 1
    return time


def _count_matches(
    block: Block, sieve: Sieve, span: Span, width: int, counts: Counts, times: Times
) -> int | None:
    """Count a block's matching entries; one without a time has that of the one before."""
    at = None
    for bounds in sieve.candidates(block):
        parsed = sieve.parsed(block, bounds)
        if parsed is None:
            continue
        at = times.before(block, bounds[0]) if parsed.at is None else parsed.at
        if span.holds(at):
            counts[-1 if at is None else at // width, parsed.level] += 1
    return at


def _ends(streams: Streams) -> tuple[int | None, int | None]:
    firsts = [members[0].first_time for members in streams.values()]
    lasts = [members[-1].last_time for members in streams.values()]
    return (
        min((each for each in firsts if each is not None), default=None),
        max((each for each in lasts if each is not None), default=None),
    )


def _step(since: int | None, until: int | None, buckets: int) -> float:
    """The shortest of the usual steps that gives no more than `buckets`."""
    if since is None or until is None:
        return float(_HOUR)
    for step in STEPS:
        width = round(step * SECOND)
        if (until - 1) // width - since // width < buckets:
            return float(step)
    return float(STEPS[-1])


def _buckets(
    counts: dict[tuple[int, Level | None], int], width: int, reached: int | None
) -> tuple[LogBucket, ...]:
    found: dict[int, dict[Level | str, int]] = {}
    for (start, level), count in counts.items():
        if reached is None or start * width < reached:
            found.setdefault(start, {})[level or "none"] = count
    return tuple(
        LogBucket(at=moment(start * width), counts=found[start])  # type: ignore[arg-type]
        for start in sorted(found)
    )
