"""Log entries kept in memory: the reader's contract without files, for tests.

An offset here is an entry's place in its source, so a cursor is just a place.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from application.log_queries import check_query
from application.log_reader import (
    Followed,
    LogBucket,
    LogEntry,
    LogHistogram,
    LogPage,
    LogQuery,
    LogSummary,
    Notice,
    SourceFiles,
)
from domain.rejections import Fault, Invalid


class MemoryLogReader:
    """`LogReader` over what tests have put in with `write`."""

    def __init__(self, root: str = "/var/log") -> None:
        """Allow paths under `root`."""
        self._root = root
        self._items: dict[str, list[LogEntry | Notice]] = {}
        self._written = asyncio.Event()

    def write(self, source: str, *items: LogEntry | Notice) -> None:
        """Add entries to a source's end, and notices for whoever follows it."""
        self._items.setdefault(source, []).extend(items)
        self._written.set()
        self._written = asyncio.Event()

    def check(self, source: SourceFiles) -> None:
        """See `LogReader.check`."""
        faults = [
            Fault(
                pointer=f"/paths/{index}", code="not-allowed", detail=f"{path} is not below a root"
            )
            for index, path in enumerate(source.paths)
            if not path.startswith(f"{self._root}/") or ".." in path.split("/")
        ]
        if faults:
            raise Invalid(*faults)

    async def summary(self, source: SourceFiles) -> LogSummary:
        """See `LogReader.summary`."""
        entries = self._entries(source)
        times = [entry.at for _, entry in entries if entry.at]
        return LogSummary(
            name=source.name,
            format="text" if entries else None,
            files=1 if entries else 0,
            bytes=sum(entry.length for _, entry in entries),
            since=min(times, default=None),
            until=max(times, default=None),
        )

    async def page(self, source: SourceFiles, query: LogQuery) -> LogPage:
        """See `LogReader.page`."""
        check_query(query)
        way, place = _place(query)
        forward = (query.order == "asc") == (way == "next")
        found = self._found(source, query)
        if place is not None:
            found = [each for each in found if (each[0] >= place) == forward]
        shown = found[: query.limit] if forward else found[::-1][: query.limit]
        more = len(found) > len(shown)
        if way == "previous":
            shown.reverse()
        return self._page(shown, query, place, more=more)

    async def histogram(
        self, source: SourceFiles, query: LogQuery, *, buckets: int = 60
    ) -> LogHistogram:
        """See `LogReader.histogram`."""
        check_query(query)
        found = [entry for _, entry in self._found(source, query)]
        dated = [entry for entry in found if entry.at]
        times = [entry.at for entry in dated if entry.at]
        since = query.since or min(times, default=None)
        until = query.until or max(times, default=None)
        if since is None or until is None:
            return LogHistogram(step=1, since=since, until=until, buckets=(), undated=len(found))
        step = 1.0
        while (until - since).total_seconds() / step >= buckets - 1:
            step *= 2
        counts: dict[datetime, Counter[str]] = {}
        for entry in dated:
            if entry.at:
                start = datetime.fromtimestamp(entry.at.timestamp() // step * step, UTC)
                counts.setdefault(start, Counter())[entry.level or "none"] += 1
        return LogHistogram(
            step=step,
            since=since,
            until=until,
            buckets=tuple(LogBucket(at=at, counts=dict(counts[at])) for at in sorted(counts)),  # type: ignore[arg-type]
            undated=len(found) - len(dated),
        )

    async def follow(self, source: SourceFiles, query: LogQuery) -> AsyncGenerator[Followed, None]:
        """See `LogReader.follow`."""
        check_query(query)
        _, place = _place(query)
        items = self._items.setdefault(source.name, [])
        position = len(items) if place is None else place
        while True:
            if position == len(items):
                await self._written.wait()
                continue
            fresh = items[position:]
            position = len(items)
            kept = tuple(
                item for item in fresh if not isinstance(item, LogEntry) or _meets(item, query)
            )
            yield Followed(items=kept, cursor=f"next:{position}")

    def _entries(self, source: SourceFiles) -> list[tuple[int, LogEntry]]:
        items = enumerate(self._items.get(source.name, []))
        return [(place, item) for place, item in items if isinstance(item, LogEntry)]

    def _found(self, source: SourceFiles, query: LogQuery) -> list[tuple[int, LogEntry]]:
        return [
            (place, entry)
            for place, entry in self._entries(source)
            if (query.since is None or (entry.at and entry.at >= query.since))
            and (query.until is None or (entry.at and entry.at < query.until))
            and _meets(entry, query)
        ]

    def _page(
        self,
        shown: list[tuple[int, LogEntry]],
        query: LogQuery,
        place: int | None,
        *,
        more: bool,
    ) -> LogPage:
        way = _place(query)[0]
        if not shown:
            here = None if place is None else f":{place}"
            before = f"previous{here}" if here and way == "next" else query.cursor
            after = f"next{here}" if here and way == "previous" else None
            return LogPage(entries=(), next=after, previous=before)
        ends = shown[0][0], shown[-1][0]
        if query.order == "asc":
            first, last = ends[0], ends[1] + 1
        else:
            first, last = ends[0] + 1, ends[1]
        goes_on = more if way == "next" else True
        return LogPage(
            entries=tuple(entry for _, entry in shown),
            next=f"next:{last}" if goes_on else None,
            previous=f"previous:{first}",
        )


def _place(query: LogQuery) -> tuple[str, int | None]:
    if query.cursor is None:
        return "next", None
    matched = re.fullmatch(r"(next|previous):(\d{1,18})", query.cursor)
    if matched is None:
        raise Invalid(Fault(pointer="/cursor", code="bad-cursor", detail="this is no cursor"))
    return matched[1], int(matched[2])


def _meets(entry: LogEntry, query: LogQuery) -> bool:
    text = entry.message
    flags = re.IGNORECASE if query.ignore_case else 0
    try:
        sought = re.compile(query.regex or "")
    except re.error:
        raise Invalid(
            Fault(pointer="/regex", code="bad-pattern", detail="this is no regular expression")
        ) from None
    return (
        (not query.levels or entry.level in query.levels)
        and (query.q is None or re.search(re.escape(query.q), text, flags) is not None)
        and sought.search(text) is not None
        and all(str(entry.fields.get(name)) == value for name, value in query.fields.items())
    )
