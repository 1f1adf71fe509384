"""A log's lines as they are written, as server-sent events.

A line is a `message`; what happened to the files meanwhile are events of other types: `dropped`
(the reader was too slow, or what it has seen last was removed while it was away), `rotated` and
`truncated`. The ids are places to resume behind, with `Last-Event-ID`.
"""

from contextlib import aclosing

import msgspec

from adapters.http.calls import Call
from adapters.http.log_views import view_line
from adapters.http.sse import Blocks, event_block
from application.log_reader import (
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


async def first_lines(call: Call, files: SourceFiles, query: LogQuery, last: int) -> LogPage:
    """The newest lines that are there, newest first; also finds out whether the query can be asked.

    Raises:
        Rejection: as `LogReader.page`.
    """
    reader = call.platform.services.logs.reader
    if last:
        return await reader.page(files, msgspec.structs.replace(query, order="desc", limit=last))
    none = msgspec.structs.replace(query, order="desc", limit=1, since=call.platform.now())
    page = await reader.page(files, none)
    return LogPage(entries=(), next=None, previous=page.previous)


async def lines_from(
    call: Call, files: SourceFiles, query: LogQuery, page: LogPage, resumed: str | None
) -> Blocks:
    """Lines behind the place that was resumed, or those of the page and what comes after them."""
    place = resumed or page.previous
    if not resumed:
        yield _blocks(Followed(items=page.entries[::-1], cursor=place or ""), files.name)
    logs = call.platform.services.logs
    while True:
        try:
            asked = msgspec.structs.replace(query, cursor=place)
            async with aclosing(logs.reader.follow(files, asked)) as following:
                async for followed in following:
                    if await logs.source(files.name, call.tenant) != files:
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
