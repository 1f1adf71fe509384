"""The log reader over files: searches in processes of their own, followers in threads."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from adapters.logs import budget
from adapters.logs.contents import SPOOL_LIMIT, Spool
from adapters.logs.finding import Finder
from adapters.logs.following import followed
from adapters.logs.requests import Count, FindPage, Limits, Summarise
from adapters.logs.searchers import IDLE, MOST, Searchers
from application.log_queries import check_query
from application.log_reader import (
    LARGEST_HISTOGRAM,
    Followed,
    LogHistogram,
    LogPage,
    LogQuery,
    LogReader,
    LogSummary,
    SourceFiles,
)
from domain.rejections import Fault, Invalid

_MOST_PATHS: Final = 32
_LONGEST_PATH: Final = 1024
_LARGEST_SLACK: Final = 86_400.0


class FileLogReader:
    """`LogReader` over the files below some roots."""

    def __init__(self, limits: Limits, searchers: Searchers, spool: Spool) -> None:
        """Search with `searchers`; `spool` serves followers that resume in a compressed file."""
        self._limits = limits
        self._finder = Finder([Path(root) for root in limits.roots])
        self._searchers = searchers
        self._spool = spool

    def check(self, source: SourceFiles) -> None:
        """See `LogReader.check`."""
        faults = [*_shape_faults(source), *self._finder.faults(source)]
        if faults:
            raise Invalid(*faults)

    async def summary(self, source: SourceFiles) -> LogSummary:
        """See `LogReader.summary`."""
        reply = await self._searchers.ask(Summarise(source=source), self._limits.page_seconds)
        assert reply.summary is not None  # noqa: S101 - the answer to this request
        return reply.summary

    async def page(self, source: SourceFiles, query: LogQuery) -> LogPage:
        """See `LogReader.page`."""
        check_query(query)
        request = FindPage(source=source, query=query)
        reply = await self._searchers.ask(request, self._limits.page_seconds)
        assert reply.page is not None  # noqa: S101 - as above
        return reply.page

    async def histogram(
        self, source: SourceFiles, query: LogQuery, *, buckets: int = 60
    ) -> LogHistogram:
        """See `LogReader.histogram`."""
        check_query(query)
        if not 1 <= buckets <= LARGEST_HISTOGRAM:
            detail = f"buckets is 1 to {LARGEST_HISTOGRAM}"
            raise Invalid(Fault(pointer="/buckets", code="out-of-range", detail=detail))
        request = Count(source=source, query=query, buckets=buckets)
        reply = await self._searchers.ask(request, self._limits.histogram_seconds)
        assert reply.histogram is not None  # noqa: S101 - as above
        return reply.histogram

    def follow(self, source: SourceFiles, query: LogQuery) -> AsyncGenerator[Followed, None]:
        """See `LogReader.follow`."""
        check_query(query)
        return followed(self._finder, source, query, self._spool)


@asynccontextmanager
async def opened_log_reader(
    roots: Sequence[Path],
    spool: Path,
    *,
    spool_limit: int = SPOOL_LIMIT,
    page_seconds: float = budget.PAGE,
    histogram_seconds: float = budget.HISTOGRAM,
    searchers: int = MOST,
    idle: float = IDLE,
) -> AsyncIterator[LogReader]:
    """A reader of what lies below `roots`; compressed files are unpacked into `spool`.

    Nothing is opened, made or started before it is needed.
    """
    limits = Limits(
        roots=tuple(str(root) for root in roots),
        spool=str(spool),
        spool_limit=spool_limit,
        page_seconds=page_seconds,
        histogram_seconds=histogram_seconds,
    )
    pool = Searchers(limits, most=searchers, idle=idle)
    own = Spool(spool, spool_limit)
    try:
        yield FileLogReader(limits, pool, own)
    finally:
        await pool.aclose()
        own.close()


def _shape_faults(source: SourceFiles) -> list[Fault]:
    faults = []
    if not 1 <= len(source.paths) <= _MOST_PATHS:
        detail = f"a source has 1 to {_MOST_PATHS} paths"
        faults.append(Fault(pointer="/paths", code="out-of-range", detail=detail))
    for index, path in enumerate(source.paths):
        if len(path.encode(errors="replace")) > _LONGEST_PATH:
            detail = f"a path has at most {_LONGEST_PATH} bytes"
            faults.append(Fault(pointer=f"/paths/{index}", code="too-long", detail=detail))
    if not 0 <= source.slack <= _LARGEST_SLACK:
        detail = f"slack is 0 to {_LARGEST_SLACK:g} seconds"
        faults.append(Fault(pointer="/slack", code="out-of-range", detail=detail))
    try:
        ZoneInfo(source.time_zone)
    except (KeyError, ValueError, OSError):
        detail = "this is no time zone of the IANA database, as Europe/Berlin is"
        faults.append(Fault(pointer="/time_zone", code="unknown-zone", detail=detail))
    return faults
