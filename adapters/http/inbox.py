"""The inbox over HTTP: what the caller was told, in pages and live. Nobody sees another's."""

import asyncio
from datetime import datetime

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.live_events import pages_after
from adapters.http.moments import Moment, fold, reached_position
from adapters.http.names import known_id
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from adapters.http.sse import Blocks, LiveAnswer, event_block
from application.history import Selection
from application.positions import Position
from domain.inbox import INBOX_ITEM, InboxItemAdded, Item, NoItem, NoSuchItem, ReadItem, place
from projections import inbox as projection

READ = "inbox:read"


class InboxQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which items: all, or those that were read or were not."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    read: bool | None = None


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was due; `title` and `body` are null once they were erased."""

    id: str
    reminder: str
    occurrence: int
    due_at: datetime
    late: bool
    title: str | None
    body: str | None
    read: bool
    version: int


class ListedItem(ItemView, frozen=True, kw_only=True):
    """An item in the list or the live stream."""

    created_at: datetime


class InboxList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the inbox, newest first."""

    items: list[ListedItem]
    next: str | None


def _missing(_item: str) -> NoSuchItem:
    return NoSuchItem()


def _view(id_: str, added: InboxItemAdded, version: int, *, read: bool) -> ItemView:
    return ItemView(
        id=id_,
        reminder=added.reminder,
        occurrence=added.occurrence,
        due_at=added.due_at,
        late=added.late,
        title=added.title if isinstance(added.title, str) else None,
        body=added.body if isinstance(added.body, str) else None,
        read=read,
        version=version,
    )


def _listed(view: ItemView, created_at: datetime) -> ListedItem:
    return ListedItem(**msgspec.structs.asdict(view), created_at=created_at)


def _answer(id_: str, item: NoItem | Item, version: int) -> Answer:
    if isinstance(item, NoItem):
        raise NoSuchItem
    view = _view(id_, item.added, version, read=item.read)
    return json_answer(view, headers=(etag(version),))


@operation(
    "GET",
    "/v1/inbox",
    needs=READ,
    query=InboxQuery,
    answers={200: InboxList},
    consistent=True,
)
async def list_inbox(call: Call, query: InboxQuery) -> Answer:
    """The caller's inbox, newest first."""
    (before,) = read_cursor(query.cursor, int) or (None,)
    account = call.principal.id
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_items(
            rows, account=account, read=query.read, before=before, limit=query.limit + 1
        )
    page, following = cut(found, query.limit, lambda row: row.added_at)
    items = await asyncio.gather(*(_item(call, account, row) for row in page))
    return json_answer(InboxList(items=list(items), next=following))


async def _item(call: Call, account: str, row: projection.ItemRow) -> ListedItem:
    """A row, with what its stream says: no read model holds anything that a person wrote."""
    item = await call.platform.current.get(INBOX_ITEM, place(account, row.id), call.tenant)
    assert isinstance(item, Item)  # noqa: S101 - its row is there
    return _listed(_view(row.id, item.added, row.version, read=row.read), row.created_at)


@operation(
    "GET",
    "/v1/inbox/{id}",
    needs=READ,
    query=Moment,
    answers={200: ItemView},
    consistent=True,
)
async def get_item(call: Call, moment: Moment) -> Answer:
    """One item of the caller's inbox, now or as it was."""
    id_ = known_id(call.params["id"], _missing)
    item, version = await fold(call, INBOX_ITEM, place(call.principal.id, id_), moment)
    return _answer(id_, item, version)


@operation(
    "GET",
    "/v1/inbox/{id}/history",
    needs=READ,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def item_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to an item of the caller's inbox."""
    id_ = known_id(call.params["id"], _missing)
    stream = INBOX_ITEM.stream(place(call.principal.id, id_))
    return await stream_history(call, call.tenant, stream, page, NoSuchItem(), personal=True)


@operation(
    "POST",
    "/v1/inbox/{id}/read",
    needs=READ,
    answers={200: ItemView},
    conditional=True,
)
async def read_item(call: Call) -> Answer:
    """Mark an item as read."""
    id_ = known_id(call.params["id"], _missing)
    command = ReadItem(account=call.principal.id, item=id_, at=call.platform.now())
    return await execute(call, command, lambda item, version: _answer(id_, item, version))


@operation(
    "GET",
    "/v1/inbox/live",
    needs=READ,
    answers={200: str},
    media_type="text/event-stream",
)
async def live_inbox(call: Call) -> None:
    """Items as they come (server-sent events, `item`); `Last-Event-ID` resumes, else new ones."""
    resumed = call.headers.get(b"last-event-id", b"").decode("latin-1")
    if resumed:
        start = await reached_position(call, resumed, "")
    else:
        tail = await call.platform.store.tail()
        start = Position(tail.incarnation, tail.position)
    await LiveAnswer(call, _items_after(call, start), needs=READ).send()


async def _items_after(call: Call, start: Position) -> Blocks:
    prefix = INBOX_ITEM.stream(place(call.principal.id, ""))
    selection = Selection(tenants=(call.tenant,), type="inbox_item.added")
    async for page in pages_after(call, selection, start.number):
        mine = [event for event in page if event.stream.startswith(prefix)]
        for recorded in await call.platform.codec.decode(mine):
            id_ = recorded.stream.removeprefix(prefix)
            view = _view(id_, recorded.event, recorded.version, read=False)
            yield event_block(
                msgspec.json.encode(_listed(view, recorded.recorded_at)),
                id_=Position(start.incarnation, recorded.position).token.encode(),
                event=b"item",
            )


OPERATIONS = (
    list_inbox,
    live_inbox,
    get_item,
    item_history,
    read_item,
)
