"""Actions over HTTP: define them, look at them, trigger them."""

from typing import Any

import msgspec

from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.durations import written
from adapters.http.event_views import EventList
from adapters.http.executors import (
    HttpExecutor,
    LogExecutor,
    RetryBody,
    policy_of,
    target_of,
)
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold, is_new
from adapters.http.names import Name, known_name, new_name
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from adapters.http.rate_limits import rate_limit_headers
from application.actions import TriggerAction, Triggered
from domain.actions import (
    ACTION,
    Action,
    DefineAction,
    NoAction,
    NoSuchAction,
)
from projections import actions as projection


class ActionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an action does, behind which flag and limit, and which input it takes.

    An input must satisfy `input_schema` and the newest version of the schema that `schema` names.
    """

    executor: HttpExecutor | LogExecutor
    flag: Name | None = None
    limit: Name | None = None
    input_schema: dict[str, Any] | bool | None = None
    schema: Name | None = None
    retry: RetryBody = RetryBody()


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """An action; of its executor's headers only the names are shown."""

    name: str
    flag: str | None
    limit: str | None
    executor: dict[str, Any]
    retry: dict[str, Any]
    version: int
    schema: str | None
    input_schema: Any = None


class ActionList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of actions, by name; one alone shows its input schema too."""

    items: list[ActionView]
    next: str | None


class RunBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the action is to work on."""

    input: Any = None


class QueuedView(msgspec.Struct, frozen=True, kw_only=True):
    """The job that was queued."""

    id: str
    state: str
    action: str


def _missing(name: str) -> NoSuchAction:
    return NoSuchAction(f"There is no action named {name[:100]}.", action=name[:100])


def _show(name: str, *, created: bool = False) -> Render:
    headers: Headers = ((b"location", f"/v1/actions/{name}".encode()),) if created else ()

    def render(action: NoAction | Action, version: int) -> Answer:
        if isinstance(action, NoAction):
            raise _missing(name)
        executor = _executor(msgspec.to_builtins(action.executor))
        if action.headers:
            executor["headers"] = sorted(action.headers)
        view = ActionView(
            name=name,
            flag=action.flag,
            limit=action.limit,
            executor=executor,
            retry=_retry(msgspec.to_builtins(action.retry)),
            version=version,
            schema=action.schema,
            input_schema=action.input_schema,
        )
        return json_answer(view, 201 if created else 200, (etag(version), *headers))

    return render


def _executor(recorded: dict[str, Any]) -> dict[str, Any]:
    if "timeout" in recorded:
        recorded["timeout"] = written(recorded["timeout"])
    return recorded


def _retry(recorded: dict[str, Any]) -> dict[str, Any]:
    return {**recorded, "base": written(recorded["base"]), "cap": written(recorded["cap"])}


@operation(
    "PUT",
    "/v1/actions/{name}",
    needs="actions:write",
    body=ActionBody,
    answers={200: ActionView, 201: ActionView},
    conditional=True,
)
async def put_action(call: Call, body: ActionBody) -> Answer:
    """Define an action, or say anew what it does."""
    name = new_name(call.params["name"])
    command = DefineAction(
        name=name,
        flag=body.flag,
        limit=body.limit,
        input_schema=body.input_schema,
        schema=body.schema,
        executor=target_of(body.executor),
        headers=body.executor.headers if isinstance(body.executor, HttpExecutor) else {},
        retry=policy_of(body.retry),
        at=call.platform.now(),
    )
    created = await is_new(call, ACTION, name)
    return await execute(call, command, _show(name, created=created))


@operation(
    "POST",
    "/v1/actions/{name}/runs",
    needs="actions:run",
    body=RunBody,
    answers={202: QueuedView},
)
async def run_action(call: Call, body: RunBody) -> Answer:
    """Trigger an action: queues a job."""
    name = known_name(call.params["name"], _missing)

    def render(triggered: Triggered, _version: int) -> Answer:
        view = QueuedView(id=triggered.id, state=triggered.state, action=name)
        headers = [(b"location", f"/v1/jobs/{triggered.id}".encode())]
        if triggered.allowance is not None:
            headers += rate_limit_headers(triggered.allowance)
        return json_answer(view, 202, tuple(headers))

    command = TriggerAction(action=name, input=body.input, caller=call.caller)
    return await execute(call, command, render)


@operation(
    "GET",
    "/v1/actions/{name}",
    needs="actions:read",
    query=Moment,
    answers={200: ActionView},
    consistent=True,
)
async def get_action(call: Call, moment: Moment) -> Answer:
    """One action, now or as it was."""
    name = known_name(call.params["name"], _missing)
    return _show(name)(*await fold(call, ACTION, name, moment))


@operation(
    "GET",
    "/v1/actions",
    needs="actions:read",
    query=Page,
    answers={200: ActionList},
    consistent=True,
)
async def list_actions(call: Call, page: Page) -> Answer:
    """All actions, by name."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_actions(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.name)
    items = [
        ActionView(
            name=row.name,
            flag=row.flag,
            limit=row.limit,
            executor=_executor(dict(row.executor)),
            retry=_retry(row.retry),
            version=row.version,
            schema=row.schema,
        )
        for row in shown
    ]
    return json_answer(ActionList(items=items, next=following))


@operation(
    "GET",
    "/v1/actions/{name}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def action_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to an action's definition."""
    name = known_name(call.params["name"], _missing)
    return await stream_history(call, call.tenant, ACTION.stream(name), page, _missing(name))


OPERATIONS = (
    put_action,
    run_action,
    get_action,
    list_actions,
    action_history,
)
