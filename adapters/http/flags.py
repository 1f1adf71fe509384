"""Flags over HTTP: one, lists of them, and what has happened to them."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.flag_shapes import (
    FlagList,
    FlagView,
    Word,
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
from projections import flags as projection

READ = "flags:read"


class FlagQuery(Moment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which environment's setting, at which moment."""

    environment: Name = DEFAULT_ENVIRONMENT


class FlagsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which flags: archived ones or the others, with a tag, an owner, a project, a word."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    environment: Name = DEFAULT_ENVIRONMENT
    archived: bool = False
    tag: Word | None = None
    owner: Word | None = None
    project: Word | None = None
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None


@operation(
    "GET",
    "/v1/flags/{key}",
    needs=READ,
    query=FlagQuery,
    answers={200: FlagView},
    consistent=True,
)
async def get_flag(call: Call, query: FlagQuery) -> Answer:
    """One flag, now or as it was."""
    key = known_foreign_name(call.params["key"], missing)
    flag, version = await fold(call, FLAG, key, query)
    return json_answer(view_of(key, flag, query.environment, version), headers=(etag(version),))


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
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_flags(
            rows,
            after=after,
            limit=query.limit + 1,
            archived=query.archived,
            tag=query.tag,
            owner=query.owner,
            project=query.project,
            q=query.q,
        )
        page, following = cut(found, query.limit, lambda row: row.key)
        settings = await projection.settings_by_key(rows, [row.key for row in page])
    items = [
        item_of(
            row.key,
            projection.flag_of(row, settings.get(row.key, {})),
            query.environment,
            row.version,
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
