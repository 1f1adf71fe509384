"""What requests for one cache entry do, whichever path its key has come by."""

import math
from datetime import UTC, datetime

from adapters.http.answers import Answer, json_answer
from adapters.http.bodies import read_body
from adapters.http.cache_entries import (
    EntryView,
    PutQuery,
    entry_of,
    etag_of,
    key_of,
    shown,
    ticket_of,
)
from adapters.http.calls import Call
from adapters.http.moments import consistent_after
from application.cache import Address
from domain.rejections import Fault, Invalid, NotFound

_CONDITIONS = frozenset({b"if-match", b"if-none-match", b"if-unmodified-since", b"content-range"})


class NoSuchEntry(NotFound):
    """Nothing is kept under this key, or not any more; `ticket` is for putting it."""

    slug = "no-such-entry"
    title = "Nothing is kept under this key"


async def put_value(call: Call, query: PutQuery) -> Answer:
    """Keep the body; the ticket is from before it is read, so that what is dropped meanwhile is."""
    _unconditional(call)
    entries = call.platform.cache.entries
    await _meet(call)
    ticket, address = ticket_of(query, entries.ticket()), _address(call)
    entry_of(call, query, b"")  # refused, if at all, before the body is read
    entry = entry_of(call, query, await read_body(call.headers, call.receive))
    new = await entries.put(address, entry, ticket)
    ends = None if entry.expires_at == math.inf else datetime.fromtimestamp(entry.expires_at, UTC)
    view = EntryView(
        key=address.key,
        media_type=entry.media_type,
        bytes=len(entry.value),
        tags=entry.tags,
        expires_at=ends,
    )
    return json_answer(view, 201 if new else 200, (etag_of(entry),))


async def get_value(call: Call) -> Answer:
    """Answer with the value.

    Raises:
        NoSuchEntry: nothing is kept under the key.
    """
    await _meet(call)
    entries = call.platform.cache.entries
    ticket = entries.ticket()
    entry = await entries.find(_address(call))
    if entry is None:
        raise NoSuchEntry(ticket=str(ticket))
    return shown(call, entry)


async def delete_value(call: Call) -> Answer:
    """Remove the entry, if there is one."""
    _unconditional(call)
    await call.platform.cache.entries.delete(_address(call))
    return Answer(204)


def _unconditional(call: Call) -> None:
    """Refuse what would be written only in some cases, or in part: that it is not is no detail.

    Raises:
        Invalid: naming the header.
    """
    for name in _CONDITIONS & call.headers.keys():
        detail = f"{name.decode()} cannot be followed here: a whole value is put, whatever is there"
        raise Invalid(Fault(pointer="", code="precondition", detail=detail))


def _address(call: Call) -> Address:
    return Address(call.tenant, "people", key_of(call))


async def _meet(call: Call) -> None:
    """Know what was invalidated up to the place in the log that the caller names, if it does."""
    position = await consistent_after(call)
    if position is not None:
        await call.platform.cache.loads.reached(position.number)
