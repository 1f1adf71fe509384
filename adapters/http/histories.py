"""The events of one thing, oldest first."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.event_views import EventList, view_events
from adapters.http.log_views import sees_platform
from adapters.http.moments import consistent_after
from adapters.http.paging import USUAL, Limit
from domain.rejections import NotFound

Version = Annotated[
    int, msgspec.Meta(ge=0, le=2**62, description="`next` of the page before this one.")
]


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a history; `after` is a version of the thing."""

    after: Version = 0
    limit: Limit = USUAL


async def stream_history(
    call: Call,
    tenant: str,
    stream: str,
    page: HistoryPage,
    missing: NotFound,
    *,
    personal: bool = False,
) -> Answer:
    """A page of a stream's events; `next` is the version to go on behind.

    Raises:
        NotFound: `missing`, when the stream has no events at all.
    """
    await consistent_after(call)
    platform = call.platform
    events = await platform.store.read_stream((tenant, stream), after=page.after, limit=page.limit)
    if not events and not page.after:
        raise missing
    incarnation = platform.tail.incarnation or (await platform.store.tail()).incarnation
    items = await view_events(
        platform,
        events,
        incarnation,
        permissions=call.principal.permissions,
        personal=personal,
        linked=sees_platform(call.principal),
    )
    last = events[-1].version if events else page.after
    return json_answer(EventList(items=items, next=str(last)))
