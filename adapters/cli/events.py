"""`annals events`: the log, read as it is written, event by event, and by stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import click
import msgspec
from rich.text import Text

from adapters.cli.opening import OpenLog, open_log
from adapters.cli.output import Column, Output, dim, moment, printable
from adapters.cli.running import Failed, Invocation, runs
from adapters.http.event_views import NONE, EventView, view_events
from adapters.postgres.streams import PostgresStreams, StreamHead
from adapters.postgres.tail import Listener
from application.event_store import Outage, StoredEvent
from application.history import Selection
from application.positions import Position, parse_position
from application.tail import Tail
from domain.rejections import Invalid

PAGE = 500
"""Events fetched at once."""

_AGAIN = 0.5  # seconds until the log is asked again when it did not answer

personal_option = click.option(
    "--personal", is_flag=True, help="Show personal fields, too; secrets are never shown."
)
tenants_option = click.option(
    "--tenant", "tenants", multiple=True, help="Only of this tenant; may be repeated.  [all]"
)


@click.group
def events() -> None:
    """Read the log."""


@events.command
@click.option("--after", help="Begin behind this position: a number or a token.")
@click.option(
    "--last",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Without --after: begin with this many of the newest.",
)
@click.option("--limit", type=click.IntRange(1), help="End after this many events.")
@click.option("--type", "type_", help="Only events of this type.")
@click.option("--stream", help="Only events of this stream.")
@click.option("--correlation", type=click.UUID, help="Only what came of one request.")
@tenants_option
@click.option("--follow/--no-follow", "-f", default=False, help="Go on with what comes later.")
@personal_option
@runs
async def tail(
    invocation: Invocation,
    after: str | None,
    last: int,
    limit: int | None,
    type_: str | None,
    stream: str | None,
    correlation: UUID | None,
    tenants: tuple[str, ...],
    follow: bool,  # noqa: FBT001 - click passes options by name
    personal: bool,  # noqa: FBT001 - as above
) -> None:
    """Show events in order; with --json one event to a line."""
    async with open_log(invocation) as log:
        wanted = Wanted(tenants=tenants or None, type=type_, stream=stream, correlation=correlation)
        left = limit
        async for page in _pages(log, wanted, after=after, last=last, follow=follow):
            shown = page if left is None else page[:left]
            await _show_lines(log, invocation.output, shown, personal=personal)
            left = None if left is None else left - len(shown)
            if left == 0:
                return


@events.command
@click.argument("place", metavar="POSITION|TOKEN")
@personal_option
@runs
async def show(invocation: Invocation, place: str, personal: bool) -> None:  # noqa: FBT001
    """Show one event with everything that is recorded about it."""
    async with open_log(invocation) as log:
        number = _number(place, log.store.incarnation)
        found = await log.store.read_log(after=number - 1, limit=1) if number else []
        if not found or found[0].position != number:
            end = (await log.store.tail()).position
            raise Failed(f"there is no event at position {number}: the log ends at {end}")
        [view] = await view_events(
            log, found, log.store.incarnation, permissions=NONE, personal=personal
        )
        if invocation.output.as_json:
            invocation.output.document(view)
        else:
            invocation.output.fields(_fields(view))


@events.command
@click.option("--category", help="Only streams of this kind, such as job.")
@click.option("--prefix", default="", help="Only streams whose names begin so.")
@tenants_option
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@runs
async def streams(
    invocation: Invocation,
    category: str | None,
    prefix: str,
    tenants: tuple[str, ...],
    limit: int,
) -> None:
    """List streams with their version and their newest event."""
    if category is not None:
        prefix = f"{category}/{prefix}"
    async with open_log(invocation) as log:
        found = await _heads(PostgresStreams(log.readers), tenants, prefix, limit + 1)
    output, shown = invocation.output, found[:limit]
    if output.as_json:
        output.document({"items": shown, "more": len(found) > limit})
        return
    output.table(shown, _STREAM_COLUMNS, empty="There are no such streams.")
    if len(found) > limit:
        output.note("There are more: name a --prefix, or raise --limit.")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which events; `tenants` None are all of them, whichever come."""

    tenants: Sequence[str] | None
    type: str | None
    stream: str | None
    correlation: UUID | None

    def among(self, tenants: Sequence[str]) -> Selection:
        """A selection among these tenants."""
        return Selection(
            tenants=tenants, type=self.type, stream=self.stream, correlation=self.correlation
        )

    def takes(self, event: StoredEvent) -> bool:
        """Whether an event is one of them."""
        return self.among(self.tenants or (event.tenant,)).takes(event)


async def _pages(
    log: OpenLog, wanted: Wanted, *, after: str | None, last: int, follow: bool
) -> AsyncIterator[Sequence[StoredEvent]]:
    """What is wanted of the log up to its end now, then of what follows."""
    end = (await log.store.tail()).position
    start = end if after is None else _number(after, log.store.incarnation)
    later = max(start, end)
    finder = PostgresStreams(log.readers)
    selection = wanted.among(wanted.tenants or await finder.tenants())
    if after is None:
        yield await finder.newest(selection, through=end, limit=last)
    while start < end:
        found = await log.history.find(selection, after=start, limit=PAGE)
        yield [each for each in found.events if each.position <= end]
        start = found.through
    if follow:
        async for page in _following(log, later):
            yield [each for each in page if wanted.takes(each)]


async def _following(log: OpenLog, position: int) -> AsyncIterator[Sequence[StoredEvent]]:
    """What is recorded behind a position, as it comes; outages are waited out."""
    async with _live(log) as tail:
        while True:
            try:
                page = await tail.read(position, PAGE)
            except Outage:
                await asyncio.sleep(_AGAIN)
                continue
            if page:
                yield page
                position = page[-1].position
            else:
                await tail.news(position)


@asynccontextmanager
async def _live(log: OpenLog) -> AsyncIterator[Tail]:
    """The log's tail, fed until we leave."""
    tail = Tail(log.store)
    work = [
        asyncio.create_task(tail.run()),
        asyncio.create_task(Listener(log.settings.database_url, tail).run()),
    ]
    try:
        await tail.started()
        yield tail
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def _heads(
    finder: PostgresStreams, tenants: Sequence[str], prefix: str, limit: int
) -> list[StreamHead]:
    found: list[StreamHead] = []
    for tenant in tenants or await finder.tenants():
        after = ""
        while (wanted := min(limit - len(found), PAGE)) > 0:
            page = await finder.heads(tenant, prefix=prefix, after=after, limit=wanted)
            found += page
            if len(page) < wanted:
                break
            after = page[-1].stream
    return found


def _number(place: str, incarnation: UUID) -> int:
    """The position that a number or a token names.

    Raises:
        click.UsageError: when it is neither.
        Failed: when it is a token of another log.
    """
    try:
        position: Position = parse_position(place, incarnation, pointer="")
    except Invalid as invalid:
        raise click.UsageError(invalid.detail) from None
    if position.incarnation != incarnation:
        raise Failed("this token belongs to the log before a restore: begin with --after 0")
    return position.number


async def _show_lines(
    log: OpenLog, output: Output, page: Sequence[StoredEvent], *, personal: bool
) -> None:
    views = await view_events(log, page, log.store.incarnation, permissions=NONE, personal=personal)
    for view in views:
        if output.as_json:
            output.line(view)
        else:
            show_line(output, view)


def show_line(output: Output, view: EventView) -> None:
    """Write one event on one line: where, when, what, to what, by whom, and its data."""
    output.text(
        dim(f"{view.position:>7}"),
        dim(moment(view.recorded_at)),
        Text(printable(view.type), style="bold"),
        f"{view.stream}@{view.version}",
        dim(view.meta["actor"]),
        dim(view.data),
    )


def _fields(view: EventView) -> dict[str, Any]:
    meta = dict(view.meta)
    known = {name: meta.pop(name) for name in ("id", "actor", "correlation_id", "causation_id")}
    return {
        "position": view.position,
        "token": view.token,
        "tenant": view.tenant,
        "stream": f"{view.stream} version {view.version}",
        "type": f"{view.type} schema {view.schema_version}",
        "recorded at": view.recorded_at,
        **{name.replace("_", " "): value for name, value in known.items()},
        "meta": meta,
        "data": _indented(view.data),
    }


def _indented(data: dict[str, Any]) -> Text:
    encoded = msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    return Text("\n".join(printable(line) for line in encoded.splitlines()))


_STREAM_COLUMNS = (
    Column[StreamHead]("tenant", lambda head: head.tenant),
    Column[StreamHead]("stream", lambda head: head.stream, folds=True),
    Column[StreamHead]("version", lambda head: head.version, right=True),
    Column[StreamHead]("last event", lambda head: head.type),
    Column[StreamHead]("at", lambda head: head.recorded_at),
    Column[StreamHead]("position", lambda head: head.position, right=True),
)
