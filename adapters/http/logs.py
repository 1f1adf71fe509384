"""Log sources over HTTP: which files a name stands for; what is in them is `log_lines`."""

from dataclasses import replace
from typing import Annotated

import msgspec

from adapters.http import log_lines
from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute, no_content
from adapters.http.conditions import etag
from adapters.http.durations import Duration, seconds
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.log_lines import READ, files_named, missing, named
from adapters.http.log_views import (
    FileList,
    SourceItem,
    SourceList,
    SourceView,
    sees_platform,
    view_source,
    view_summary,
)
from adapters.http.moments import Moment, fold
from adapters.http.names import NO_NUL, new_name
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from application.event_store import Outage
from application.log_reader import Format, SourceFiles
from application.logs import PLATFORM, Registered, files_of
from domain.logs import (
    LOG_SOURCE,
    NoLogSource,
    RegisterLogSource,
    RemoveLogSource,
)
from domain.rejections import Rejection
from projections import logs as projection

WRITE = "logs:write"

Path = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, extra_json_schema=NO_NUL)]


class SourceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which files a source is: absolute paths and globs; rotations belong to what they match.

    `format` is found out where it is not given; `time_zone` is that of stamps without one; `slack`
    says how far a stamp may lie behind the one before it.
    """

    paths: Annotated[list[Path], msgspec.Meta(min_length=1, max_length=50)]
    format: Format | None = None
    time_zone: Annotated[str, msgspec.Meta(max_length=100, extra_json_schema=NO_NUL)] = "UTC"
    slack: Duration = "60s"
    description: Annotated[str, msgspec.Meta(max_length=1000, extra_json_schema=NO_NUL)] = ""


@operation(
    "PUT",
    "/v1/logs/{source}",
    needs=WRITE,
    body=SourceBody,
    answers={200: SourceView, 201: SourceView},
    conditional=True,
)
async def put_log_source(call: Call, body: SourceBody) -> Answer:
    """Say which files can be read under a name."""
    name = new_name(call.params["source"])
    command = RegisterLogSource(
        source=name,
        paths=tuple(dict.fromkeys(body.paths)),
        format=body.format,
        time_zone=body.time_zone,
        slack=seconds(body.slack, "/slack"),
        description=body.description,
        at=call.platform.now(),
    )

    def render(registered: Registered, version: int) -> Answer:
        source = registered.source
        view = view_source(files_of(name, source), source.description, version)
        if not registered.created:
            return json_answer(view, 200, (etag(version),))
        location = (b"location", f"/v1/logs/{name}".encode())
        return json_answer(view, 201, (etag(version), location))

    return await execute(call, command, render)


@operation("DELETE", "/v1/logs/{source}", needs=WRITE, answers={204: None}, conditional=True)
async def delete_log_source(call: Call) -> Answer:
    """Let a name stand for nothing any more; the files stay as they are."""
    command = RemoveLogSource(source=named(call), at=call.platform.now())
    return await execute(call, command, no_content)


@operation("GET", "/v1/logs", needs=READ, query=Page, answers={200: SourceList}, consistent=True)
async def list_log_sources(call: Call, page: Page) -> Answer:
    """All sources, by name, with what they have now."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_sources(rows, after=after, limit=page.limit + 1)
    sources = [row.files() for row in found]
    logs = call.platform.services.logs
    if sees_platform(call.principal) and after < PLATFORM:
        sources = sorted([*sources, logs.own], key=lambda each: each.name)
    shown, following = cut(sources, page.limit, lambda each: each.name)
    items = [await _summary(call, each) for each in shown]
    return json_answer(SourceList(items=items, next=following))


async def _summary(call: Call, files: SourceFiles) -> SourceItem:
    """What a source has; that one cannot be read hides no other."""
    logs = call.platform.services.logs
    try:
        if files != logs.own:
            logs.allowed(files, call.tenant)
        return view_summary(await logs.reader.summary(files))
    except (Rejection, Outage) as problem:
        return SourceItem(
            name=files.name, format=files.format, files=0, bytes=0, problem=problem.detail
        )


@operation(
    "GET",
    "/v1/logs/{source}/definition",
    needs=READ,
    query=Moment,
    answers={200: SourceView},
    consistent=True,
)
async def get_log_source(call: Call, query: Moment) -> Answer:
    """Which files a source is, now or as it was."""
    name, logs = named(call), call.platform.services.logs
    if name == PLATFORM and sees_platform(call.principal):
        own = "What the platform's processes on this machine write."
        return json_answer(view_source(logs.own, own, 0))
    source, version = await fold(call, LOG_SOURCE, name, query)
    if isinstance(source, NoLogSource):
        raise missing(name)
    view = view_source(files_of(name, source), source.description, version)
    return json_answer(view, 200, (etag(version),))


@operation("GET", "/v1/logs/{source}/files", needs=READ, answers={200: FileList})
async def list_log_files(call: Call) -> Answer:
    """The files that a source has now, rotated and compressed ones among them."""
    summary = await call.platform.services.logs.reader.summary(await files_named(call))
    return json_answer(FileList(items=summary.of))


@operation(
    "GET",
    "/v1/logs/{source}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def log_source_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a source; who has read it is among its readings."""
    name = named(call)
    if name == PLATFORM and sees_platform(call.principal):
        return json_answer(EventList(items=[], next=str(page.after)))
    return await stream_history(call, call.tenant, LOG_SOURCE.stream(name), page, missing(name))


OPERATIONS = (
    put_log_source,
    delete_log_source,
    list_log_sources,
    get_log_source,
    list_log_files,
    log_source_history,
    *(replace(each, tag=put_log_source.tag) for each in log_lines.OPERATIONS),
)
