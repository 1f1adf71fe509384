"""Rate limits over HTTP."""

from datetime import timedelta
from typing import Annotated

import msgspec

from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.durations import Duration, seconds, written
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold, is_new
from adapters.http.names import NO_NUL, known_name, new_name
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from adapters.http.rate_limits import rate_limit_headers
from domain.limits import LIMIT, Algorithm, DefineLimit, Limit, NoLimit, NoSuchLimit, Scope
from projections import limits as projection

Quota = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000, description="Requests per window.")]


class LimitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is allowed, and for each value of what."""

    limit: Quota
    window: Duration
    algorithm: Algorithm = "fixed_window"
    scope: Scope = "account"


class LimitView(msgspec.Struct, frozen=True, kw_only=True):
    """A limit."""

    name: str
    algorithm: str
    limit: int
    window: str
    scope: str
    version: int


class LimitList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of limits, by name."""

    items: list[LimitView]
    next: str | None


class CheckBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is counted: an address, an account, anything that tells subjects apart."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=500, extra_json_schema=NO_NUL)]


class VerdictView(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands after a check that passed; `reset_after` in seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: float


def _missing(name: str) -> NoSuchLimit:
    return NoSuchLimit(f"There is no limit named {name[:100]}.", limit=name[:100])


def _show(name: str, *, created: bool = False) -> Render:
    headers: Headers = ((b"location", f"/v1/limits/{name}".encode()),) if created else ()

    def render(limit: NoLimit | Limit, version: int) -> Answer:
        if isinstance(limit, NoLimit):
            raise _missing(name)
        view = LimitView(
            name=name,
            algorithm=limit.algorithm,
            limit=limit.limit,
            window=written(limit.window),
            scope=limit.scope,
            version=version,
        )
        return json_answer(view, 201 if created else 200, (etag(version), *headers))

    return render


@operation(
    "PUT",
    "/v1/limits/{name}",
    needs="limits:write",
    body=LimitBody,
    answers={200: LimitView, 201: LimitView},
    conditional=True,
)
async def put_limit(call: Call, body: LimitBody) -> Answer:
    """Define a limit, or say anew what it allows."""
    name = new_name(call.params["name"])
    command = DefineLimit(
        name=name,
        algorithm=body.algorithm,
        limit=body.limit,
        window=seconds(body.window, "/window"),
        scope=body.scope,
        at=call.platform.now(),
    )
    created = await is_new(call, LIMIT, name)
    return await execute(call, command, _show(name, created=created))


@operation(
    "GET",
    "/v1/limits/{name}",
    needs="limits:read",
    query=Moment,
    answers={200: LimitView},
    consistent=True,
)
async def get_limit(call: Call, moment: Moment) -> Answer:
    """One limit, now or as it was."""
    name = known_name(call.params["name"], _missing)
    return _show(name)(*await fold(call, LIMIT, name, moment))


@operation(
    "GET",
    "/v1/limits",
    needs="limits:read",
    query=Page,
    answers={200: LimitList},
    consistent=True,
)
async def list_limits(call: Call, page: Page) -> Answer:
    """All limits, by name."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_limits(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.name)
    items = [
        LimitView(
            name=row.name,
            algorithm=row.algorithm,
            limit=row.limit,
            window=written(timedelta(milliseconds=row.window_ms).total_seconds()),
            scope=row.scope,
            version=row.version,
        )
        for row in shown
    ]
    return json_answer(LimitList(items=items, next=following))


@operation(
    "GET",
    "/v1/limits/{name}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def limit_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a limit."""
    name = known_name(call.params["name"], _missing)
    return await stream_history(call, call.tenant, LIMIT.stream(name), page, _missing(name))


@operation(
    "POST",
    "/v1/limits/{name}/check",
    needs="limits:write",
    body=CheckBody,
    answers={200: VerdictView},
    keyed=False,
)
async def check_limit(call: Call, body: CheckBody) -> Answer:
    """Count one request of a subject, and tell whether it is allowed; no event is recorded."""
    name = known_name(call.params["name"], _missing)
    limit = await call.platform.current.get(LIMIT, name, call.tenant)
    if not isinstance(limit, Limit):
        raise _missing(name)
    allowance = await call.platform.limiter.count(name, call.tenant, limit, body.key)
    if allowance is None:
        view = VerdictView(allowed=True, limit=limit.limit, remaining=limit.limit, reset_after=0)
        return json_answer(view)
    verdict = allowance.verdict
    view = VerdictView(
        allowed=True,
        limit=verdict.limit,
        remaining=verdict.remaining,
        reset_after=verdict.reset_after,
    )
    return json_answer(view, headers=tuple(rate_limit_headers(allowance)))


OPERATIONS = (put_limit, get_limit, list_limits, limit_history, check_limit)
