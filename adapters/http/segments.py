"""Segments over HTTP: conditions with a name, for the rules of many flags."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold, is_new
from adapters.http.names import NO_NUL, known_foreign_name, new_name
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from application.flags.changes import RemoveSegment
from application.flags.relations import segments_used
from domain.flags.conditions import Condition
from domain.flags.segments import SEGMENT, DefineSegment, NoSuchSegment
from domain.flags.state import NoSegment, Segment
from projections import flags as projection

READ, WRITE = "flags:read", "flags:write"


class SegmentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who belongs to it."""

    condition: Condition
    description: Annotated[str, msgspec.Meta(max_length=1000, extra_json_schema=NO_NUL)] = ""


class SegmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A segment."""

    name: str
    description: str
    condition: Condition
    archived: bool
    version: int


class SegmentDetails(SegmentView, frozen=True, kw_only=True):
    """A segment, and the flags whose rules name it now."""

    used_by: list[str]


class SegmentList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of segments, by name."""

    items: list[SegmentView]
    next: str | None


def _missing(name: str) -> NoSuchSegment:
    return NoSuchSegment(f"There is no segment named {name[:100]}.", segment=name[:100])


def _view(name: str, segment: NoSegment | Segment, version: int) -> SegmentView:
    if isinstance(segment, NoSegment):
        raise _missing(name)
    return SegmentView(
        name=name,
        description=segment.description,
        condition=segment.condition,
        archived=segment.archived,
        version=version,
    )


def _shown(name: str, *, created: bool) -> Render:
    def render(segment: NoSegment | Segment, version: int) -> Answer:
        location = ((b"location", f"/v1/segments/{name}".encode()),) if created else ()
        view = _view(name, segment, version)
        return json_answer(view, 201 if created else 200, (etag(version), *location))

    return render


@operation(
    "PUT",
    "/v1/segments/{name}",
    needs=WRITE,
    body=SegmentBody,
    answers={200: SegmentView, 201: SegmentView},
    conditional=True,
)
async def put_segment(call: Call, body: SegmentBody) -> Answer:
    """Say who belongs to a segment; flags that name it follow at once."""
    name = new_name(call.params["name"])
    created = await is_new(call, SEGMENT, name)
    command = DefineSegment(
        segment=name,
        description=body.description,
        condition=body.condition,
        at=call.platform.now(),
    )
    return await execute(call, command, _shown(name, created=created))


@operation(
    "POST",
    "/v1/segments/{name}/archive",
    needs=WRITE,
    answers={200: SegmentView},
    conditional=True,
)
async def archive_segment(call: Call) -> Answer:
    """Take away a segment that no flag uses."""
    name = known_foreign_name(call.params["name"], _missing)
    command = RemoveSegment(segment=name, at=call.platform.now())
    return await execute(call, command, _shown(name, created=False))


@operation(
    "GET",
    "/v1/segments/{name}",
    needs=READ,
    query=Moment,
    answers={200: SegmentDetails},
    consistent=True,
)
async def get_segment(call: Call, moment: Moment) -> Answer:
    """One segment, now or as it was."""
    name = known_foreign_name(call.params["name"], _missing)
    segment, version = await fold(call, SEGMENT, name, moment)
    view = _view(name, segment, version)
    flags = (await call.platform.services.flag_sets.of(call.tenant)).flags
    used_by = sorted(key for key, flag in flags.items() if name in segments_used(flag))
    details = SegmentDetails(**msgspec.structs.asdict(view), used_by=used_by)
    return json_answer(details, headers=(etag(version),))


@operation(
    "GET",
    "/v1/segments",
    needs=READ,
    query=Page,
    answers={200: SegmentList},
    consistent=True,
)
async def list_segments(call: Call, page: Page) -> Answer:
    """The segments that are there, by name."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_segments(rows, after=after, limit=page.limit + 1)
    rest, following = cut(found, page.limit, lambda row: row.name)
    items = [_view(row.name, projection.segment_of(row), row.version) for row in rest]
    return json_answer(SegmentList(items=items, next=following))


@operation(
    "GET",
    "/v1/segments/{name}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def segment_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a segment."""
    name = known_foreign_name(call.params["name"], _missing)
    return await stream_history(call, call.tenant, SEGMENT.stream(name), page, _missing(name))


OPERATIONS = (put_segment, archive_segment, get_segment, list_segments, segment_history)
