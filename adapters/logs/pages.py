"""A page: the streams of a source merged by time, as many entries as were asked for."""

from collections.abc import Mapping, Sequence
from typing import Final

from adapters.logs.budget import Budget
from adapters.logs.formats.format import Parsed
from adapters.logs.members import Streams
from adapters.logs.places import Cursor, Place, Way, found_again, place_of, read_cursor
from adapters.logs.sieve import Sieve
from adapters.logs.stamps import SECOND, micros, moment
from adapters.logs.streams import Hit, Span, Spot, Stream
from application.log_reader import LinesGone, LogEntry, LogPage, LogQuery

LONGEST_MESSAGE: Final = 64 * 1024
_LARGEST_PAGE: Final = 4 << 20  # bytes of entries, beyond which a page ends early


def page(streams: Streams, query: LogQuery, slack: float, seconds: float) -> LogPage:
    """The entries that a query asks for.

    Raises:
        Invalid, LinesGone, ArchiveTooLarge: see `LogReader.page`.
    """
    cursor = None if query.cursor is None else read_cursor(query.cursor)
    way: Way = "next" if cursor is None else cursor.way
    forward = (query.order == "asc") == (way == "next")
    sieve, span, budget = Sieve(query), span_of(query, slack), Budget(seconds)
    starts = {} if cursor is None else spots(cursor.places, streams, forward=forward)
    runs = {
        name: Stream(members, sieve, span, budget, forward=forward, start=starts.get(name))
        for name, members in streams.items()
        if cursor is None or forward or name in starts
    }
    began = {name: run.began for name, run in runs.items()}
    for run in runs.values():
        run.advance()
    entries = _taken(runs, query.limit, forward=forward)
    unfinished = any(run.stopped for run in runs.values())
    more = unfinished or any(run.head is not None for run in runs.values())
    ended = {name: run.spot for name, run in runs.items()}
    if way == "previous":
        entries.reverse()
        newest = query.order == "desc"
        return LogPage(
            entries=tuple(entries),
            next=_cursor("next", streams, began),
            previous=_cursor("previous", streams, ended) if more or newest else None,
            unfinished=unfinished,
        )
    return LogPage(
        entries=tuple(entries),
        next=_cursor("next", streams, ended) if more else None,
        previous=_cursor("previous", streams, began) if cursor or query.order == "desc" else None,
        unfinished=unfinished,
    )


def span_of(query: LogQuery, slack: float) -> Span:
    """A query's window in microseconds."""
    return Span(
        None if query.since is None else micros(query.since),
        None if query.until is None else micros(query.until),
        round(slack * SECOND),
    )


def spots(places: Sequence[Place], streams: Streams, *, forward: bool) -> dict[str, Spot]:
    """Where a cursor's places are now.

    Read backwards, a file that was removed had nothing but what was removed with it.

    Raises:
        LinesGone: read forwards, something between the place and what is left may be missing; or
            the places are another source's.
    """
    if streams and places and not any(place.stream in streams for place in places):
        raise LinesGone(stream=places[0].stream)
    found = {}
    for place in places:
        members = streams.get(place.stream)
        if not members:
            continue
        try:
            found[place.stream] = found_again(place, members)
        except LinesGone:
            if forward:
                raise
    return found


def cut_entry(parsed: Parsed, file: str, offset: int, length: int) -> LogEntry:
    """An entry as people see it: with no more than the beginning of an endless message."""
    message = parsed.message
    return LogEntry(
        at=None if parsed.at is None else moment(parsed.at),
        level=parsed.level,
        message=message[:LONGEST_MESSAGE],
        fields=parsed.fields,
        file=file,
        offset=offset,
        length=length,
        cut=len(message) > LONGEST_MESSAGE,
    )


def _taken(runs: Mapping[str, Stream], limit: int, *, forward: bool) -> list[LogEntry]:
    """The first entries of all streams together."""
    entries: list[LogEntry] = []
    size = 0
    while len(entries) < limit and size < _LARGEST_PAGE:
        if any(run.stopped for run in runs.values()):
            break  # what that stream has may come before all others' heads
        waiting = [run for run in runs.values() if run.head is not None]
        if not waiting:
            break
        run = (min if forward else max)(waiting, key=lambda each: each.key or 0)
        hit: Hit | None = run.head
        assert hit is not None  # noqa: S101 - the waiting ones have a head
        file = run.member(hit.member).file.path
        entries.append(cut_entry(hit.parsed, file, hit.start, hit.end - hit.start))
        size += hit.end - hit.start
        run.advance()
    return entries


def _cursor(way: Way, streams: Streams, spots_: Mapping[str, Spot]) -> str:
    places = tuple(
        place_of(name, streams[name][index], offset) for name, (index, offset) in spots_.items()
    )
    return Cursor(way, places).text
