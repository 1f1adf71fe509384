"""The cache over HTTP: raw values under keys of people's own, and dropping them.

Entries are no events, so `Idempotency-Key` has nothing to say about them: putting twice is putting
once. Dropping by tag is a command like every other.
"""

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.cache_entries import (
    EntryView,
    LateBody,
    PutQuery,
    raw_key,
)
from adapters.http.cache_values import delete_value, get_value, put_value
from adapters.http.calls import Call
from adapters.http.commands import execute
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.operations import operation
from application.cache import Room
from domain.cache import ALL, CACHE, InvalidateCache
from domain.rejections import Fault, Invalid, NotFound

READ, WRITE = "cache:read", "cache:write"
HISTORY = b"history"


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
    return await put_value(call, query)


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
    return await get_value(call)


@operation("DELETE", "/v1/cache/{key:path}", needs=WRITE, answers={204: None}, keyed=False)
async def delete_entry(call: Call) -> Answer:
    """Remove an entry; that there is none is as good."""
    return await delete_value(call)


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
    return await put_value(call, query)


@operation("DELETE", "/v1/cache", needs=WRITE, answers={204: None}, keyed=False)
async def delete_slashes(call: Call) -> Answer:
    """As `delete_entry`, for a key of slashes alone, which is no path of its own."""
    return await delete_value(call)


@operation("GET", "/v1/cache", needs=READ, answers={200: CacheView}, consistent=True)
async def get_cache(call: Call) -> Answer:
    """What is kept for the tenant, and how often it has served."""
    if raw_key(call):
        return await get_value(call)
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
    "PUT",
    "/v1/cache/invalidate",
    needs=WRITE,
    body=LateBody(media_type="*/*"),
    query=PutQuery,
    answers={200: EntryView, 201: EntryView},
    keyed=False,
)
async def put_invalidate(call: Call, _unread: bytes, query: PutQuery) -> Answer:
    """As `put_entry`, for the key that is this word."""
    return await put_value(call, query)


@operation(
    "GET",
    "/v1/cache/invalidate",
    needs=READ,
    answers={200: str, 304: None},
    consistent=True,
    media_type="*/*",
)
async def get_invalidate(call: Call) -> Answer:
    """As `get_entry`, for the key that is this word."""
    return await get_value(call)


@operation("DELETE", "/v1/cache/invalidate", needs=WRITE, answers={204: None}, keyed=False)
async def delete_invalidate(call: Call) -> Answer:
    """As `delete_entry`, for the key that is this word."""
    return await delete_value(call)


@operation(
    "GET",
    "/v1/cache/history",
    needs=READ,
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def cache_history(call: Call, page: HistoryPage) -> Answer:
    """Who has dropped entries, and when; the key that is this word is written `%68istory`."""
    if raw_key(call) != HISTORY:
        return await get_value(call)
    call.require("events:read")
    return await stream_history(call, call.tenant, CACHE.stream(ALL), page, NeverInvalidated())


@operation(
    "PUT",
    "/v1/cache/history",
    needs=WRITE,
    body=LateBody(media_type="*/*"),
    query=PutQuery,
    answers={200: EntryView, 201: EntryView},
    keyed=False,
)
async def put_history(call: Call, _unread: bytes, query: PutQuery) -> Answer:
    """As `put_entry`, for the key that is this word, which is written `%68istory`."""
    _no_word(call)
    return await put_value(call, query)


@operation("DELETE", "/v1/cache/history", needs=WRITE, answers={204: None}, keyed=False)
async def delete_history(call: Call) -> Answer:
    """As `delete_entry`, for the key that is this word, which is written `%68istory`."""
    _no_word(call)
    return await delete_value(call)


def _no_word(call: Call) -> None:
    """Refuse to put what nobody could get: there the history answers.

    Raises:
        Invalid: telling how the key is written.
    """
    if raw_key(call) == HISTORY:
        detail = "history is a word of the API; as a key it is written %68istory"
        raise Invalid(Fault(pointer="", code="reserved", detail=detail))


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
    put_invalidate,
    get_invalidate,
    delete_invalidate,
    cache_history,
    put_history,
    delete_history,
)
