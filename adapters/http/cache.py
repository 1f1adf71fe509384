"""The cache over HTTP: raw values under keys of people's own, and dropping them.

Entries are no events, so `Idempotency-Key` has nothing to say about them: putting twice is putting
once. Dropping by tag is a command like every other.
"""

import math
from datetime import UTC, datetime

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.bodies import read_body
from adapters.http.cache_entries import (
    EntryView,
    LateBody,
    PutQuery,
    entry_of,
    etag_of,
    key_of,
    raw_key,
    shown,
    ticket_of,
)
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.moments import consistent_after
from adapters.http.operations import operation
from application.cache import Address, Room
from domain.cache import ALL, CACHE, InvalidateCache
from domain.rejections import NotFound

READ, WRITE = "cache:read", "cache:write"


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, in files and their bytes, and how often it was there when it was asked for."""

    entries: int
    bytes: int
    hits: int
    misses: int


class CacheView(UsageView, frozen=True, kw_only=True):
    """The tenant's entries; the platform's own for it; and the limit of everybody's, in bytes."""

    platform: UsageView
    limit: int


class InvalidateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which entries to drop: those with any of the tags, or all."""

    tags: list[str] = []
    all: bool = False


class Invalidated(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries were dropped."""

    invalidated: int


class NoSuchEntry(NotFound):
    """Nothing is kept under this key, or not any more; `ticket` is for putting it."""

    slug = "no-such-entry"
    title = "Nothing is kept under this key"


class NeverInvalidated(NotFound):
    """Nobody has ever dropped entries."""

    slug = "never-invalidated"
    title = "Nobody has ever dropped cache entries"


@operation(
    "PUT",
    "/v1/cache/{key:path}",
    needs=WRITE,
    body=LateBody(media_type="*/*"),
    query=PutQuery,
    answers={200: EntryView, 201: EntryView},
    keyed=False,
)
async def put_entry(call: Call, _unread: bytes, query: PutQuery) -> Answer:
    """Keep the body under a key, with its media type."""
    return await _put(call, query)


@operation(
    "GET",
    "/v1/cache/{key:path}",
    needs=READ,
    answers={200: str, 304: None},
    consistent=True,
    media_type="*/*",
)
async def get_entry(call: Call) -> Answer:
    """The value as it was put; an entry that is gone, for whatever reason, is 404."""
    return await _get(call)


@operation("DELETE", "/v1/cache/{key:path}", needs=WRITE, answers={204: None}, keyed=False)
async def delete_entry(call: Call) -> Answer:
    """Remove an entry; that there is none is as good."""
    return await _delete(call)


@operation(
    "PUT",
    "/v1/cache",
    needs=WRITE,
    body=LateBody(media_type="*/*"),
    query=PutQuery,
    answers={200: EntryView, 201: EntryView},
    keyed=False,
)
async def put_slashes(call: Call, _unread: bytes, query: PutQuery) -> Answer:
    """As `put_entry`, for a key of slashes alone, which is no path of its own."""
    return await _put(call, query)


@operation("DELETE", "/v1/cache", needs=WRITE, answers={204: None}, keyed=False)
async def delete_slashes(call: Call) -> Answer:
    """As `delete_entry`, for a key of slashes alone, which is no path of its own."""
    return await _delete(call)


@operation("GET", "/v1/cache", needs=READ, answers={200: CacheView}, consistent=True)
async def get_cache(call: Call) -> Answer:
    """What is kept for the tenant, and how often it has served."""
    if raw_key(call):
        return await _get(call)
    people, platform = await _usage(call, "people"), await _usage(call, "platform")
    view = CacheView(
        **msgspec.structs.asdict(people),
        platform=platform,
        limit=call.platform.settings.cache_size,
    )
    return json_answer(view)


@operation(
    "POST",
    "/v1/cache/invalidate",
    needs=WRITE,
    body=InvalidateBody,
    answers={200: Invalidated},
)
async def invalidate_cache(call: Call, body: InvalidateBody) -> Answer:
    """Drop the entries with any of these tags, or all; also what is just being put."""
    command = InvalidateCache(tags=tuple(body.tags), everything=body.all, at=call.platform.now())

    def render(count: int, _version: int) -> Answer:
        return json_answer(Invalidated(invalidated=count))

    return await execute(call, command, render)


@operation(
    "GET",
    "/v1/cache/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def cache_history(call: Call, page: HistoryPage) -> Answer:
    """Who has dropped entries, and when."""
    return await stream_history(call, call.tenant, CACHE.stream(ALL), page, NeverInvalidated())


async def _put(call: Call, query: PutQuery) -> Answer:
    """The ticket is taken before the body is read: what is invalidated meanwhile is not kept."""
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


async def _get(call: Call) -> Answer:
    await _meet(call)
    entries = call.platform.cache.entries
    ticket = entries.ticket()
    entry = await entries.find(_address(call))
    if entry is None:
        raise NoSuchEntry(ticket=str(ticket))
    return shown(call, entry)


async def _delete(call: Call) -> Answer:
    await call.platform.cache.entries.delete(_address(call))
    return Answer(204)


def _address(call: Call) -> Address:
    return Address(call.tenant, "people", key_of(call))


async def _meet(call: Call) -> None:
    """Know what was invalidated up to the place in the log that the caller names, if it does."""
    position = await consistent_after(call)
    if position is not None:
        await call.platform.cache.loads.reached(position.number)


async def _usage(call: Call, room: Room) -> UsageView:
    usage = await call.platform.cache.entries.usage(call.tenant, room)
    return UsageView(**msgspec.structs.asdict(usage))


OPERATIONS = (
    put_entry,
    get_entry,
    delete_entry,
    put_slashes,
    delete_slashes,
    get_cache,
    invalidate_cache,
    cache_history,
)
