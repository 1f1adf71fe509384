"""What is in logs over HTTP: lines, lines as they come, counts, and who has read them.

Whoever reads lines is recorded before the answer goes out; a request that is refused leaves
nothing behind. While the log of events does not take that record, nothing is shown.
"""

from datetime import UTC, date, datetime, time

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.log_queries import (
    HistogramQuery,
    LinesQuery,
    TailQuery,
    pointing,
    sought,
    within,
)
from adapters.http.log_tail import first_lines, lines_from
from adapters.http.log_views import (
    HistogramView,
    LineList,
    sees_platform,
    view_histogram,
    view_page,
)
from adapters.http.names import known_name
from adapters.http.operations import operation
from adapters.http.sse import LiveAnswer
from application.log_reader import LogHistogram, SourceFiles
from application.logs import coarse
from domain.logs import LOG_READING, NoSuchLogSource, RecordLogReading, reading_id

READ = "logs:read"


class ReadingsQuery(HistoryPage, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The readings of a day, in UTC; today's, where none is named."""

    day: date | None = None


def missing(name: str) -> NoSuchLogSource:
    """What is said of a name that stands for nothing."""
    return NoSuchLogSource(f"There is no log source named {name[:100]}.", source=name[:100])


def named(call: Call) -> str:
    """The source that the path names."""
    return known_name(call.params["source"], missing)


async def files_named(call: Call) -> SourceFiles:
    """The files of the source that the path names."""
    own = sees_platform(call.principal)
    return await call.platform.services.logs.source(named(call), call.tenant, own=own)


async def _recorded(call: Call, files: SourceFiles, way: str) -> None:
    """Record that the caller reads, unless that is known of this minute."""
    at, seen = call.platform.now(), call.platform.services.logs.seen
    reader = call.principal.actor
    reading = (call.tenant, files.name, reader, way)
    if not seen.has(reading, at):
        command = RecordLogReading(source=files.name, reader=reader, way=way, at=at)
        await call.platform.bus.execute(command, call.context())
        seen.add(reading, at)


@operation("GET", "/v1/logs/{source}", needs=READ, query=LinesQuery, answers={200: LineList})
async def read_log(call: Call, query: LinesQuery) -> Answer:
    """Lines, newest first unless asked otherwise."""
    files = await files_named(call)
    asked = msgspec.structs.replace(
        within(query, call.platform.now()),
        order=query.order,
        cursor=query.cursor or None,
        limit=query.limit,
    )
    with pointing():
        page = await call.platform.services.logs.reader.page(files, asked)
    await _recorded(call, files, "lines")
    return json_answer(view_page(page, files.name))


@operation(
    "GET",
    "/v1/logs/{source}/tail",
    needs=READ,
    query=TailQuery,
    answers={200: str},
    media_type="text/event-stream",
)
async def tail_log(call: Call, query: TailQuery) -> None:
    """Lines as they are written, as server-sent events whose ids are places to resume behind."""
    files, asked = await files_named(call), sought(query)
    resumed = call.headers.get(b"last-event-id", b"").decode("latin-1") or query.cursor or None
    with pointing():
        page = await first_lines(call, files, asked, last=query.last, resumed=resumed)
    await _recorded(call, files, "tail")
    blocks = lines_from(call, files, asked, page, resumed)
    await LiveAnswer(call, blocks, needs=READ).send()


@operation(
    "GET",
    "/v1/logs/{source}/histogram",
    needs=READ,
    query=HistogramQuery,
    answers={200: HistogramView},
)
async def count_log(call: Call, query: HistogramQuery) -> Answer:
    """How many lines of each level there are over time."""
    files, now = await files_named(call), coarse(call.platform.now())
    with pointing():
        counted = await call.platform.services.logs.histogram(
            files, within(query, now), buckets=query.buckets, tenant=call.tenant, now=now
        )
    await _recorded(call, files, "histogram")
    return json_answer(view_histogram(msgspec.json.decode(counted, type=LogHistogram)))


@operation(
    "GET",
    "/v1/logs/{source}/readings",
    needs="events:read",
    query=ReadingsQuery,
    answers={200: EventList},
    consistent=True,
)
async def log_readings(call: Call, query: ReadingsQuery) -> Answer:
    """Who has read a source on a day, and how: an event per reader, way and minute."""
    name, now = named(call), call.platform.now()
    at = datetime.combine(query.day, time(), UTC) if query.day else now
    stream = LOG_READING.stream(reading_id(name, at))
    nobody = missing(name)
    try:
        return await stream_history(call, call.tenant, stream, query, nobody)
    except NoSuchLogSource as none:
        if none is not nobody:
            raise
        await files_named(call)
        return json_answer(EventList(items=[], next=str(query.after)))


OPERATIONS = (read_log, tail_log, count_log, log_readings)
