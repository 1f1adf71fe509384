"""Flags over HTTP: one, lists of them, and what has happened to them."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.flag_shapes import (
    AgedFlag,
    FlagList,
    Word,
    aged,
    item_of,
    missing,
    view_of,
)
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import Name, known_foreign_name
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from application.flags import DEFAULT_ENVIRONMENT
from domain.flags.decider import FLAG
from domain.flags.state import NoFlag
from projections import flag_usage
from projections import flags as projection

READ = "flags:read"


class FlagQuery(Moment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which environment's setting, at which moment."""

    environment: Name = DEFAULT_ENVIRONMENT


class FlagsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which flags: archived ones or the others, with a tag, an owner, a project, a word.

    `stale` ones are marked so, or have outlived their lifetime.
    """

    cursor: Cursor = ""
    limit: Limit = USUAL
    environment: Name = DEFAULT_ENVIRONMENT
    archived: bool = False
    stale: bool | None = None
    tag: Word | None = None
    owner: Word | None = None
    project: Word | None = None
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None


@operation(
    "GET",
    "/v1/flags/{key}",
    needs=READ,
    query=FlagQuery,
    answers={200: AgedFlag},
    consistent=True,
)
async def get_flag(call: Call, query: FlagQuery) -> Answer:
    """One flag, now or as it was; its age is told as of the time that is asked for."""
    key = known_foreign_name(call.params["key"], missing)
    flag, version = await fold(call, FLAG, key, query)
    if isinstance(flag, NoFlag):
        raise missing(key)
    view = view_of(key, flag, query.environment, version)
    [first] = await call.platform.store.read_stream((call.tenant, FLAG.stream(key)), limit=1)
    now = call.platform.now() if query.at is None else query.at
    return json_answer(aged(view, flag, first.recorded_at, now), headers=(etag(version),))


@operation(
    "GET",
    "/v1/flags",
    needs=READ,
    query=FlagsQuery,
    answers={200: FlagList},
    consistent=True,
)
async def list_flags(call: Call, query: FlagsQuery) -> Answer:
    """The flags, by key."""
    (after,) = read_cursor(query.cursor, str) or ("",)
    now = call.platform.now()
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_flags(
            rows,
            now=now,
            after=after,
            limit=query.limit + 1,
            archived=query.archived,
            stale=query.stale,
            tag=query.tag,
            owner=query.owner,
            project=query.project,
            q=query.q,
        )
        page, following = cut(found, query.limit, lambda row: row.key)
        keys = [row.key for row in page]
        settings = await projection.settings_by_key(rows, keys)
    async with rows_of(call, flag_usage.PROJECTION) as rows:
        seen = await flag_usage.last_seen(rows, keys, query.environment)
    items = [
        item_of(
            row.key,
            projection.flag_of(row, settings.get(row.key, {})),
            query.environment,
            row.version,
            created_at=row.created_at,
            last_seen_at=seen.get(row.key),
            now=now,
        )
        for row in page
    ]
    return json_answer(FlagList(items=items, next=following))


@operation(
    "GET",
    "/v1/flags/{key}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def flag_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a flag."""
    key = known_foreign_name(call.params["key"], missing)
    return await stream_history(call, call.tenant, FLAG.stream(key), page, missing(key))


OPERATIONS = (get_flag, list_flags, flag_history)
