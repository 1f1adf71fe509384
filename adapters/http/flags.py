"""Flags over HTTP."""

from typing import Annotated

import msgspec

from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold, is_new
from adapters.http.names import NO_NUL, Name, known_name, new_name
from adapters.http.operations import operation
from adapters.http.paging import USUAL, Cursor, Limit, read_cursor
from application.flags import DEFAULT_ENVIRONMENT
from domain.flags import (
    EVERYBODY,
    FLAG,
    DefineFlag,
    DisableFlag,
    EnableFlag,
    Flag,
    NoFlag,
    NoSuchFlag,
)
from projections import flags as projection

Percent = Annotated[int, msgspec.Meta(ge=0, le=100, description="Percent of the subjects.")]
Text = Annotated[str, msgspec.Meta(max_length=1000, extra_json_schema=NO_NUL)]


class FlagBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a flag is, and does in one environment; `group` decides which subjects share a fate."""

    enabled: bool = False
    rollout: Percent = EVERYBODY
    environment: Name = DEFAULT_ENVIRONMENT
    description: Text = ""
    group: Annotated[str, msgspec.Meta(max_length=100, extra_json_schema=NO_NUL)] = ""


class EnvironmentQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a flag is switched."""

    environment: Name = DEFAULT_ENVIRONMENT


class FlagQuery(Moment, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which environment's setting, at which moment."""

    environment: Name = DEFAULT_ENVIRONMENT


class FlagsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which flags."""

    cursor: Cursor = ""
    limit: Limit = USUAL
    environment: Name = DEFAULT_ENVIRONMENT


class FlagView(msgspec.Struct, frozen=True, kw_only=True):
    """A flag and what it does in one environment."""

    key: str
    enabled: bool
    rollout: int
    environment: str
    description: str
    group: str
    version: int


class FlagList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of flags, by key."""

    items: list[FlagView]
    next: str | None


def _view(key: str, flag: NoFlag | Flag, environment: str, version: int) -> FlagView:
    if isinstance(flag, NoFlag):
        raise _missing(key)
    setting = flag.setting(environment)
    return FlagView(
        key=key,
        enabled=setting.enabled,
        rollout=setting.rollout,
        environment=environment,
        description=flag.description,
        group=flag.group,
        version=version,
    )


def _missing(key: str) -> NoSuchFlag:
    return NoSuchFlag(f"There is no flag named {key[:100]}.", flag=key[:100])


def _show(key: str, environment: str, *, created: bool = False) -> Render:
    headers: Headers = ((b"location", f"/v1/flags/{key}".encode()),) if created else ()

    def render(flag: NoFlag | Flag, version: int) -> Answer:
        view = _view(key, flag, environment, version)
        return json_answer(view, 201 if created else 200, (etag(version), *headers))

    return render


@operation(
    "PUT",
    "/v1/flags/{key}",
    needs="flags:write",
    body=FlagBody,
    answers={200: FlagView, 201: FlagView},
    conditional=True,
)
async def put_flag(call: Call, body: FlagBody) -> Answer:
    """Define a flag, or say anew what it is and does in one environment."""
    key = new_name(call.params["key"])
    created = await is_new(call, FLAG, key)
    command = DefineFlag(
        flag=key,
        environment=body.environment,
        description=body.description,
        group=body.group or key,
        enabled=body.enabled,
        rollout=body.rollout,
        at=call.platform.now(),
    )
    return await execute(call, command, _show(key, body.environment, created=created))


@operation(
    "POST",
    "/v1/flags/{key}/enable",
    needs="flags:write",
    query=EnvironmentQuery,
    answers={200: FlagView},
    conditional=True,
)
async def enable_flag(call: Call, query: EnvironmentQuery) -> Answer:
    """Switch a flag on in one environment."""
    key = known_name(call.params["key"], _missing)
    command = EnableFlag(flag=key, environment=query.environment, at=call.platform.now())
    return await execute(call, command, _show(key, query.environment))


@operation(
    "POST",
    "/v1/flags/{key}/disable",
    needs="flags:write",
    query=EnvironmentQuery,
    answers={200: FlagView},
    conditional=True,
)
async def disable_flag(call: Call, query: EnvironmentQuery) -> Answer:
    """Switch a flag off in one environment."""
    key = known_name(call.params["key"], _missing)
    command = DisableFlag(flag=key, environment=query.environment, at=call.platform.now())
    return await execute(call, command, _show(key, query.environment))


@operation(
    "GET",
    "/v1/flags/{key}",
    needs="flags:read",
    query=FlagQuery,
    answers={200: FlagView},
    consistent=True,
)
async def get_flag(call: Call, query: FlagQuery) -> Answer:
    """One flag, now or as it was."""
    key = known_name(call.params["key"], _missing)
    flag, version = await fold(call, FLAG, key, query)
    return _show(key, query.environment)(flag, version)


@operation(
    "GET",
    "/v1/flags",
    needs="flags:read",
    query=FlagsQuery,
    answers={200: FlagList},
    consistent=True,
)
async def list_flags(call: Call, query: FlagsQuery) -> Answer:
    """All flags, by key."""
    (after,) = read_cursor(query.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_flags(
            rows, environment=query.environment, after=after, limit=query.limit + 1
        )
    page, following = cut(found, query.limit, lambda row: row.key)
    items = [
        FlagView(
            key=row.key,
            enabled=row.enabled,
            rollout=row.rollout,
            environment=query.environment,
            description=row.description,
            group=row.group,
            version=row.version,
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
    key = known_name(call.params["key"], _missing)
    return await stream_history(call, call.tenant, FLAG.stream(key), page, _missing(key))


OPERATIONS = (
    put_flag,
    enable_flag,
    disable_flag,
    get_flag,
    list_flags,
    flag_history,
)
