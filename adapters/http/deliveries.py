"""Deliveries over HTTP: how what reminders have to say got where it was to go, or did not."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.channels import shown as shown_route
from adapters.http.commands import execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import NO_NUL, known_id
from adapters.http.operations import operation
from adapters.http.own import requester
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from application.deliveries import TryAgain
from domain.deliveries import DELIVERY, Delivery, NoDelivery, NoSuchDelivery
from projections import deliveries as projection

READ, WRITE, OWN = "reminders:read", "reminders:write", "own-reminders:write"

DeliveryState = Literal["queued", "running", "retrying", "succeeded", "dead"]


class DeliveriesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries: in a state (`dead` are the dead letters), of a reminder."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    state: DeliveryState | None = None
    reminder: Annotated[str, msgspec.Meta(max_length=36, extra_json_schema=NO_NUL)] | None = None


class DeliverySummary(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery; `error` is how its last attempt failed, `retry_at` when the next one is due."""

    id: str
    reminder: str
    occurrence: int
    due_at: datetime
    late: bool
    state: DeliveryState
    attempts: int
    error: str | None
    retry_at: datetime | None
    owner: str
    version: int


class DeliveryView(DeliverySummary, frozen=True, kw_only=True):
    """A delivery alone, with the way that it takes."""

    channel: dict[str, Any]


class DeliveryItem(DeliverySummary, frozen=True, kw_only=True):
    """A delivery in a list; of its channel only the kind."""

    channel: str
    created_at: datetime
    updated_at: datetime


class DeliveryList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of deliveries, newest first."""

    items: list[DeliveryItem]
    next: str | None


def _missing(_delivery: str) -> NoSuchDelivery:
    return NoSuchDelivery()


def _answer(id_: str, delivery: NoDelivery | Delivery, version: int, status: int = 200) -> Answer:
    if isinstance(delivery, NoDelivery):
        raise NoSuchDelivery
    queued = delivery.queued
    view = DeliveryView(
        id=id_,
        reminder=queued.reminder,
        occurrence=queued.occurrence,
        due_at=queued.due_at,
        late=queued.late,
        state=delivery.state,  # type: ignore[arg-type]  # states are these words
        attempts=delivery.attempts,
        error=delivery.error,
        retry_at=delivery.retry_at,
        owner=queued.owner,
        version=version,
        channel=shown_route(delivery.route),
    )
    return json_answer(view, status, (etag(version),))


async def _visible(call: Call, moment: Moment) -> tuple[str, Delivery, int]:
    """A delivery that the caller may see, and its version.

    Raises:
        NoSuchDelivery: when there is none, or it is of somebody else's reminder.
    """
    whose = requester(call, READ, OWN)
    id_ = known_id(call.params["id"], _missing)
    delivery, version = await fold(call, DELIVERY, id_, moment)
    if isinstance(delivery, NoDelivery) or whose not in (None, delivery.queued.owner):
        raise NoSuchDelivery
    return id_, delivery, version


@operation(
    "GET",
    "/v1/deliveries/{id}",
    any_of=(READ, OWN),
    query=Moment,
    answers={200: DeliveryView},
    consistent=True,
)
async def get_delivery(call: Call, moment: Moment) -> Answer:
    """One delivery, now or as it was."""
    return _answer(*await _visible(call, moment))


@operation(
    "GET",
    "/v1/deliveries/{id}/history",
    any_of=(READ, OWN),
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def delivery_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a delivery."""
    id_, delivery, _version = await _visible(call, Moment())
    own = delivery.queued.owner == call.principal.id
    stream = DELIVERY.stream(id_)
    return await stream_history(call, call.tenant, stream, page, NoSuchDelivery(), personal=own)


@operation(
    "GET",
    "/v1/deliveries",
    any_of=(READ, OWN),
    query=DeliveriesQuery,
    answers={200: DeliveryList},
    consistent=True,
)
async def list_deliveries(call: Call, query: DeliveriesQuery) -> Answer:
    """Deliveries, newest first."""
    owner = requester(call, READ, OWN)
    (before,) = read_cursor(query.cursor, int) or (None,)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_deliveries(
            rows,
            owner=owner,
            state=query.state,
            reminder=query.reminder,
            before=before,
            limit=query.limit + 1,
        )
    page, following = cut(found, query.limit, lambda row: row.queued_at)
    items = [_item(row) for row in page]
    return json_answer(DeliveryList(items=items, next=following))


def _item(row: projection.DeliveryRow) -> DeliveryItem:
    told = msgspec.structs.asdict(row)
    del told["queued_at"]
    return DeliveryItem(**told)


@operation(
    "POST",
    "/v1/deliveries/{id}/requeue",
    any_of=(WRITE, OWN),
    answers={202: DeliveryView},
    conditional=True,
)
async def requeue_delivery(call: Call) -> Answer:
    """Try a dead letter again, by the way that its reminder names now."""
    whose = requester(call, WRITE, OWN)
    id_ = known_id(call.params["id"], _missing)
    command = TryAgain(delivery=id_, requester=whose)
    return await execute(call, command, lambda state, version: _answer(id_, state, version, 202))


OPERATIONS = (
    get_delivery,
    delivery_history,
    list_deliveries,
    requeue_delivery,
)
