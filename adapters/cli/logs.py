"""`annals logs`: what programs on this machine have written, without the API.

The platform's own lines are read as files, so they can be read while nothing else answers. What
other sources are is said in the log of events; that they are read is recorded there, too.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import click
import msgspec
from rich.text import Text

from adapters.cli.log_options import Wanted, filtering, tenant_option
from adapters.cli.opening import OpenLog, open_log
from adapters.cli.output import Column, Output, dim, printable
from adapters.cli.output import moment as written
from adapters.cli.running import Failed, Invocation, actor, runs
from adapters.clock import now
from adapters.http.log_queries import moment
from adapters.http.log_views import view_line, view_summary
from adapters.open_logs import log_roots, opened_reader, own_source
from application.bus import Bus, OneStream
from application.event_store import Outage
from application.log_reader import (
    LogEntry,
    LogPage,
    LogQuery,
    LogReader,
    LogSummary,
    Notice,
    SourceFiles,
)
from application.logs import PLATFORM, OutsideRoots, files_of
from domain.logs import LOG_READING, LOG_SOURCE, LogSource, RecordLogReading, reading_id
from domain.recorded import DEFAULT_TENANT
from domain.rejections import Rejection
from projections import logs as projection

PAGE = 500
MOST_SOURCES = 10_000
_STYLES = {"warning": "yellow", "error": "red", "critical": "bold red", "debug": "dim"}


@click.group
def logs() -> None:
    """Read what programs have written."""


@logs.command("list")
@tenant_option
@runs
async def list_(invocation: Invocation, tenant: str) -> None:
    """List sources, with what they have now."""
    async with open_log(invocation) as log:
        sources = await _sources(log, tenant)
    async with opened_reader(invocation.settings) as reader:
        found = [
            await _summary(invocation, reader, each, tenant)
            for each in sorted(sources, key=lambda each: each.name)
        ]
    if invocation.output.as_json:
        invocation.output.document({"items": [view_summary(each) for each in found]})
    else:
        invocation.output.table(found, _COLUMNS, empty="There are no log sources.")


@logs.command
@click.argument("source", default=PLATFORM)
@click.option("--since", help="From this time on (RFC 3339), or from so long ago: 15m.")
@click.option("--until", help="Up to this time, or up to so long ago.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@tenant_option
@filtering
async def show(
    invocation: Invocation,
    source: str,
    since: str | None,
    until: str | None,
    limit: int,
    tenant: str,
    wanted: Wanted,
) -> None:
    """Show lines of a source (by default the platform's own), the oldest first."""
    asked = msgspec.structs.replace(
        wanted.query(),
        since=moment(since, now(), "/since"),
        until=moment(until, now(), "/until"),
        order="asc",
    )
    files = await _resolved(invocation, source, tenant, "lines")
    left = limit
    async with opened_reader(invocation.settings) as reader:
        async for page in _pages(reader, files, asked):
            _show(invocation.output, page.entries[:left], files.name)
            left -= len(page.entries)
            if left < 0 or (left == 0 and page.next):
                invocation.output.note("There are more: give a later --since, or raise --limit.")
            if left <= 0:
                return


@logs.command
@click.argument("source", default=PLATFORM)
@click.option(
    "-n",
    "--last",
    type=click.IntRange(0, 1000),
    default=20,
    show_default=True,
    help="Begin with this many of the newest.",
)
@click.option("-f", "--follow/--no-follow", default=False, help="Go on with what comes later.")
@tenant_option
@filtering
async def tail(
    invocation: Invocation,
    source: str,
    last: int,
    follow: bool,  # noqa: FBT001 - click passes options by name
    tenant: str,
    wanted: Wanted,
) -> None:
    """Show the newest lines of a source, and with -f those that follow."""
    asked = wanted.query()
    files = await _resolved(invocation, source, tenant, "tail")
    async with opened_reader(invocation.settings) as reader:
        newest = LogPage(entries=(), next=None, previous=None)
        if last:
            backwards = msgspec.structs.replace(asked, order="desc", limit=last)
            newest = await reader.page(files, backwards)
        _show(invocation.output, newest.entries[::-1], files.name)
        if follow:
            onwards = msgspec.structs.replace(asked, cursor=newest.previous)
            async with aclosing(reader.follow(files, onwards)) as following:
                async for followed in following:
                    _show(invocation.output, followed.items, files.name)


async def _pages(reader: LogReader, files: SourceFiles, query: LogQuery) -> AsyncIterator[LogPage]:
    cursor: str | None = None
    while True:
        asked = msgspec.structs.replace(query, cursor=cursor, limit=PAGE)
        page = await reader.page(files, asked)
        yield page
        cursor = page.next
        if cursor is None:
            return


async def _resolved(invocation: Invocation, name: str, tenant: str, way: str) -> SourceFiles:
    """The files of a source; that they are read is recorded, but of the platform's own.

    Raises:
        Failed: there is no such source, or its files may not be read any more.
    """
    if name == PLATFORM and tenant == DEFAULT_TENANT:
        return own_source(invocation.settings)
    async with open_log(invocation) as log:
        source = (await log.pipeline.fold(LOG_SOURCE, (tenant, LOG_SOURCE.stream(name)))).state
        if not isinstance(source, LogSource):
            raise Failed(f"there is no log source {name} in the tenant {tenant}")
        files = files_of(name, source)
        if log_roots(invocation.settings).faults(files.paths, tenant):
            raise Failed(f"{OutsideRoots.title}: LOG_ROOTS names them")
        await _record(log, tenant, name, way)
        return files


async def _record(log: OpenLog, tenant: str, name: str, way: str) -> None:
    handler = OneStream(LOG_READING, lambda command: reading_id(command.source, command.at))
    reading = RecordLogReading(source=name, reader=actor(), way=way, at=log.now())
    await Bus(log.pipeline, {RecordLogReading: handler}).execute(reading, log.context(tenant))


async def _sources(log: OpenLog, tenant: str) -> list[SourceFiles]:
    async with log.read_models.rows(projection.PROJECTION, tenant) as rows:
        found = await projection.find_sources(rows, limit=MOST_SOURCES)
    sources = [row.files() for row in found]
    return [*sources, own_source(log.settings)] if tenant == DEFAULT_TENANT else sources


async def _summary(
    invocation: Invocation, reader: LogReader, files: SourceFiles, tenant: str
) -> LogSummary:
    """What a source has; that one cannot be read hides no other."""
    own = own_source(invocation.settings)
    try:
        if files != own and log_roots(invocation.settings).faults(files.paths, tenant):
            raise OutsideRoots
        return await reader.summary(files)
    except (Rejection, Outage) as problem:
        invocation.output.note(f"{files.name}: {problem.detail}")
        return LogSummary(name=files.name, format=files.format, files=0, bytes=0)


def _show(output: Output, items: Sequence[LogEntry | Notice], source: str) -> None:
    for item in items:
        if output.as_json:
            output.line(view_line(item, source) if isinstance(item, LogEntry) else item)
        elif isinstance(item, LogEntry):
            _show_line(output, item)
        else:
            told = msgspec.to_builtins(item)
            output.note(f"{told.pop('type')}: {', '.join(f'{k} {v}' for k, v in told.items())}")


def _show_line(output: Output, entry: LogEntry) -> None:
    """When, how grave, what, and the other fields; a message of several lines has them all."""
    message = "\n".join(printable(line) for line in entry.message.splitlines())
    output.text(
        dim(written(entry.at) if entry.at else "-"),
        Text(f"{entry.level or '-':<8}", style=_STYLES.get(entry.level or "", "")),
        Text(message),
        dim(entry.fields) if entry.fields else "",
    )


_COLUMNS = (
    Column[LogSummary]("name", lambda each: each.name),
    Column[LogSummary]("format", lambda each: each.format or ""),
    Column[LogSummary]("files", lambda each: each.files, right=True),
    Column[LogSummary]("bytes", lambda each: each.bytes, right=True),
    Column[LogSummary]("since", lambda each: each.since),
    Column[LogSummary]("until", lambda each: each.until),
)
