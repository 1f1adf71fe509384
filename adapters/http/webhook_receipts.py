"""Webhook receipts over HTTP: what has come, whether it was good, and what it has caused."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, consistent_after, position_of
from adapters.http.names import Name, known_id
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from adapters.http.webhook_receipt_views import (
    ReceiptItem,
    ReceiptList,
    ReceiptState,
    ReceiptView,
    ReplayView,
    plain,
    view_of,
)
from adapters.http.webhook_sources import READ, WRITE
from application.webhooks.messages import message_of
from application.webhooks.payloads import LONGEST_ID, Unreadable, mark_of
from domain.recorded import Recorded
from domain.rejections import Fault, Invalid
from domain.webhooks.receipts import (
    RECEIPT,
    NoReceipt,
    NoSuchReceipt,
    Receipt,
    ReplayWebhook,
)
from domain.webhooks.sources import SOURCE, NoSuchSource, Source
from projections import webhooks as projection

BODY = "personal:read"
ExternalId = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]


class ReceiptsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which receipts; a provider's own id is looked for among one source's."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    source: Name | None = None
    state: ReceiptState | None = None
    external_id: ExternalId | None = None


def _missing(_receipt: str) -> NoSuchReceipt:
    return NoSuchReceipt()


def _sees_personal(call: Call) -> bool:
    return BODY in call.principal.permissions


async def _events(call: Call, id_: str, moment: Moment) -> Sequence[Recorded[Any]]:
    """What has happened to a receipt, up to a moment.

    Raises:
        NoSuchReceipt: nothing has.
    """
    await consistent_after(call)
    platform = call.platform
    to = await position_of(call, moment)
    stored = await platform.store.read_stream((call.tenant, RECEIPT.stream(id_)))
    events = await platform.codec.decode([e for e in stored if to is None or e.position <= to])
    if not events:
        raise NoSuchReceipt
    return events


@operation(
    "GET",
    "/v1/webhooks/receipts/{id}",
    needs=READ,
    query=Moment,
    answers={200: ReceiptView},
    consistent=True,
)
async def get_webhook_receipt(call: Call, moment: Moment) -> Answer:
    """One receipt with its body, what it was verified by and what it has caused."""
    id_ = known_id(call.params["id"], _missing)
    events = await _events(call, id_, moment)
    view = view_of(id_, events, personal=_sees_personal(call))
    return json_answer(view, headers=(etag(view.version),))


@operation(
    "GET",
    "/v1/webhooks/receipts/{id}/body",
    needs=BODY,
    answers={200: str},
    consistent=True,
    media_type="application/octet-stream",
)
async def get_webhook_body(call: Call) -> Answer:
    """The exact bytes that a provider has sent."""
    id_ = known_id(call.params["id"], _missing)
    call.require(READ)
    try:
        message = message_of(await _events(call, id_, Moment()))
    except Unreadable:
        raise NoSuchReceipt("The message was erased.") from None
    disposition = (b"content-disposition", b"attachment")  # never shown as a page of ours
    return Answer(200, message.body, (disposition,), media_type=b"application/octet-stream")


@operation(
    "GET",
    "/v1/webhooks/receipts",
    needs=READ,
    query=ReceiptsQuery,
    answers={200: ReceiptList},
    consistent=True,
)
async def list_webhook_receipts(call: Call, query: ReceiptsQuery) -> Answer:
    """Receipts, newest first."""
    (before,) = read_cursor(query.cursor, int) or (None,)
    receipt = await _named(call, query)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_receipts(
            rows,
            source=query.source,
            state=query.state,
            receipt=receipt,
            before=before,
            limit=query.limit + 1,
        )
    shown, following = cut(found, query.limit, lambda row: row.received)
    ids = await _external_ids(call, [row.id for row in shown])
    items = [
        ReceiptItem(
            id=row.id,
            source=row.source,
            external_id=id_,
            state=row.state,  # type: ignore[arg-type]  # states are these words
            received_at=row.received_at,
            reason=row.reason,
            job=row.job,
            version=row.version,
        )
        for row, id_ in zip(shown, ids, strict=True)
    ]
    return json_answer(ReceiptList(items=items, next=following))


async def _named(call: Call, query: ReceiptsQuery) -> str | None:
    """The id that follows from a provider's own, so that no row needs to hold that.

    Raises:
        Invalid: no source is named, whose id it would be.
        NoSuchSource: there is none of that name.
    """
    if query.external_id is None:
        return None
    if query.source is None:
        detail = "an external id is looked for among one source's: name the source"
        raise Invalid(Fault(pointer="/external_id", code="exclusive", detail=detail))
    source = await call.platform.current.get(SOURCE, query.source, call.tenant)
    if not isinstance(source, Source):
        raise NoSuchSource(source=query.source)
    names = call.platform.services.webhooks.names
    return names.receipt(source.hook, mark_of(query.external_id, b""))


async def _external_ids(call: Call, receipts: Sequence[str]) -> list[str | None]:
    """The providers' ids, which no row holds: they are sealed in each receipt's first event."""
    if not _sees_personal(call):
        return [None] * len(receipts)
    platform = call.platform
    streams = [(call.tenant, RECEIPT.stream(each)) for each in receipts]
    found = await asyncio.gather(
        *(platform.store.read_stream(stream, limit=1) for stream in streams)
    )
    events = await platform.codec.decode([stored for page in found for stored in page])
    return [plain(each.event.external_id) for each in events]


@operation(
    "GET",
    "/v1/webhooks/receipts/{id}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def webhook_receipt_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a receipt."""
    id_ = known_id(call.params["id"], _missing)
    return await stream_history(call, call.tenant, RECEIPT.stream(id_), page, NoSuchReceipt())


@operation(
    "POST",
    "/v1/webhooks/receipts/{id}/replay",
    needs=WRITE,
    answers={202: ReplayView},
    conditional=True,
)
async def replay_webhook_receipt(call: Call) -> Answer:
    """Process a message again, by what its source says now; one that waits already just waits."""
    id_ = known_id(call.params["id"], _missing)

    def render(receipt: NoReceipt | Receipt, version: int) -> Answer:
        if isinstance(receipt, NoReceipt):
            raise NoSuchReceipt
        view = ReplayView(
            id=id_,
            state=receipt.phase,  # type: ignore[arg-type]  # phases are these words
            round=receipt.round,
            version=version,
        )
        location = (b"location", f"/v1/webhooks/receipts/{id_}".encode())
        return json_answer(view, 202, (etag(version), location))

    return await execute(call, ReplayWebhook(receipt=id_, at=call.platform.now()), render)


OPERATIONS = (
    get_webhook_receipt,
    get_webhook_body,
    list_webhook_receipts,
    webhook_receipt_history,
    replay_webhook_receipt,
)
