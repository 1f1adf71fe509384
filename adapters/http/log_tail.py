"""A log's lines as they are written, as server-sent events.

A line is a `message`; what happened to the files meanwhile are events of other types: `dropped`
(the reader was too slow, or what it has seen last was removed while it was away), `rotated` and
`truncated`. The ids are places to resume behind, with `Last-Event-ID`.
"""

from contextlib import aclosing, suppress

import msgspec

from adapters.http.calls import Call
from adapters.http.log_views import sees_platform, view_line
from adapters.http.sse import Blocks, event_block
from application.log_reader import (
    LARGEST_PAGE,
    Followed,
    LinesGone,
    LogEntry,
    LogPage,
    LogQuery,
    Notice,
    SourceFiles,
)

_GONE = event_block(
    msgspec.json.encode({"type": "dropped", "file": None, "lines": None, "bytes": None}),
    event=b"dropped",
)


async def first_lines(
    call: Call, files: SourceFiles, query: LogQuery, *, last: int, resumed: str | None
) -> LogPage:
    """The newest lines that are there, newest first; without `last` those of just now.

    Also finds out whether all this can be asked: once the stream is open, nobody can be refused.

    Raises:
        Rejection: as `LogReader.page`.
    """
    reader = call.platform.services.logs.reader
    if resumed is not None:
        with suppress(LinesGone):
            await reader.page(files, LogQuery(cursor=resumed, limit=1))
    since = None if last else call.platform.now()
    asked = msgspec.structs.replace(
        query, order="desc", limit=last or LARGEST_PAGE, since=since, cursor=None
    )
    return await reader.page(files, asked)


async def lines_from(
    call: Call, files: SourceFiles, query: LogQuery, page: LogPage, resumed: str | None
) -> Blocks:
    """Lines behind the place that was resumed, or those of the page and what comes after them."""
    place = resumed or page.previous
    if place and not resumed:
        yield _blocks(Followed(items=page.entries[::-1], cursor=place), files.name)
    logs, own = call.platform.services.logs, sees_platform(call.principal)
    while True:
        try:
            asked = msgspec.structs.replace(query, cursor=place)
            async with aclosing(logs.reader.follow(files, asked)) as following:
                async for followed in following:
                    if await logs.source(files.name, call.tenant, own=own) != files:
                        return  # registered anew: who comes back reads what it is now
                    yield _blocks(followed, files.name)
        except LinesGone:
            if place is None:
                raise
            place = None
            yield _GONE
        else:
            return


def _blocks(followed: Followed, source: str) -> bytes:
    """One block for each, and the place behind them all at the end.

    Whoever is cut off in the middle sees the first ones again rather than the last ones never.
    """
    blocks = [_block(item, source) for item in followed.items]
    if followed.cursor:
        blocks.append(b"id: %b\n\n" % followed.cursor.encode())
    return b"".join(blocks)


def _block(item: LogEntry | Notice, source: str) -> bytes:
    if isinstance(item, LogEntry):
        return event_block(msgspec.json.encode(view_line(item, source)))
    kind = str(item.__struct_config__.tag)
    return event_block(msgspec.json.encode(item), event=kind.encode())
