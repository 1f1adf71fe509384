"""The log over HTTP: every change of state, in order, searched, by stream, and live."""

import contextlib
from typing import Annotated
from uuid import UUID

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.event_views import EventList, view_events
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.live_events import events_after
from adapters.http.log_views import sees_platform
from adapters.http.moments import PLACE, consistent_after, reached_position
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Limit
from adapters.http.sse import LiveAnswer
from application.boundary import check_stream
from application.history import Selection
from application.positions import Position
from domain.recorded import SYSTEM_TENANT
from domain.rejections import Invalid, NotFound

READ = "events:read"

After = Annotated[
    str,
    msgspec.Meta(
        max_length=40,
        description="Events behind this position, a number or a token, which the log has reached.",
        extra_json_schema=PLACE,
    ),
]
Type = Annotated[str, msgspec.Meta(max_length=200, description="Events of this type.")]
Stream = Annotated[str, msgspec.Meta(max_length=200, description="Events of this stream.")]


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events; `next` of a page is the `after` of the next one."""

    after: After = "0"
    type: Type | None = None
    stream: Stream | None = None
    correlation: UUID | None = None
    limit: Limit = USUAL


class LiveQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events; `Last-Event-ID` goes before `after`, and without either only new ones come."""

    after: After | None = None
    type: Type | None = None
    stream: Stream | None = None
    correlation: UUID | None = None


class NoSuchStream(NotFound):
    """There is no such stream, or none that the caller may see."""

    slug = "no-such-stream"
    title = "There is no such stream"


def _tenants(call: Call) -> tuple[str, ...]:
    """Whose events the caller reads: the system's are of all tenants, and no tenant's to read."""
    everybodys = "platform-events:read" in call.principal.permissions
    return (call.tenant, SYSTEM_TENANT) if everybodys else (call.tenant,)


def _selection(call: Call, query: EventsQuery | LiveQuery) -> Selection:
    return Selection(
        tenants=_tenants(call),
        type=query.type,
        stream=query.stream,
        correlation=query.correlation,
    )


@operation(
    "GET",
    "/v1/events",
    needs=READ,
    query=EventsQuery,
    answers={200: EventList},
    consistent=True,
)
async def list_events(call: Call, query: EventsQuery) -> Answer:
    """Events in the order of the log; poll with `next`, which is always given."""
    await consistent_after(call)
    after = await reached_position(call, query.after, "/after")
    found = await call.platform.history.find(
        _selection(call, query), after=after.number, limit=query.limit
    )
    items = await view_events(
        call.platform,
        found.events,
        after.incarnation,
        permissions=call.principal.permissions,
        linked=sees_platform(call.principal),
    )
    through = Position(after.incarnation, max(found.through, after.number))
    return json_answer(EventList(items=items, next=through.token))


@operation(
    "GET",
    "/v1/streams/{stream:path}",
    needs=READ,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def read_stream(call: Call, page: HistoryPage) -> Answer:
    """All events of one stream, oldest first."""
    stream = call.params["stream"].removeprefix("/")
    try:
        check_stream(stream)
    except Invalid:
        raise NoSuchStream from None
    for tenant in _tenants(call):
        with contextlib.suppress(NoSuchStream):
            return await stream_history(call, tenant, stream, page, NoSuchStream())
    raise NoSuchStream


@operation(
    "GET",
    "/v1/events/live",
    needs=READ,
    query=LiveQuery,
    answers={200: str},
    media_type="text/event-stream",
)
async def live_events(call: Call, query: LiveQuery) -> None:
    """Events as they come, as server-sent events whose ids are tokens to resume with."""
    resumed = call.headers.get(b"last-event-id", b"").decode("latin-1")
    last = resumed or query.after
    if last is None:
        tail = await call.platform.store.tail()
        start = Position(tail.incarnation, tail.position)
    else:
        start = await reached_position(call, last, "" if resumed else "/after")
    await LiveAnswer(call, events_after(call, _selection(call, query), start), needs=READ).send()


OPERATIONS = (list_events, read_stream, live_events)
