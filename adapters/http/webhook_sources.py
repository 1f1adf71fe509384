"""Webhook sources over HTTP: who may call in, how that is verified, and what it causes."""

from collections.abc import Callable
from typing import Any

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute, no_content
from adapters.http.event_views import EventList
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import known_name, new_name
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from adapters.http.webhook_source_shapes import (
    SourceBody,
    SourceItem,
    SourceList,
    SourceView,
    definition_of,
    hook_url,
    missing_source,
    show_source,
    shown_target,
)
from domain.webhooks.refusals import REFUSALS
from domain.webhooks.sources import (
    SOURCE,
    DeleteSource,
    DisableSource,
    EnableSource,
    NoSuchSource,
)
from projections import webhooks as projection

READ, WRITE = "webhooks:read", "webhooks:write"


@operation(
    "PUT",
    "/v1/webhooks/sources/{source}",
    needs=WRITE,
    body=SourceBody,
    answers={200: SourceView, 201: SourceView},
    conditional=True,
)
async def put_webhook_source(call: Call, body: SourceBody) -> Answer:
    """Define a webhook source; the answer has the address to give to the provider."""
    name = new_name(call.params["source"])
    return await execute(call, definition_of(name, body), show_source(name))


@operation(
    "GET",
    "/v1/webhooks/sources/{source}",
    needs=READ,
    query=Moment,
    answers={200: SourceView},
    consistent=True,
)
async def get_webhook_source(call: Call, moment: Moment) -> Answer:
    """One webhook source, now or as it was."""
    name = known_name(call.params["source"], missing_source)
    return show_source(name)(*await fold(call, SOURCE, name, moment))


@operation(
    "GET",
    "/v1/webhooks/sources",
    needs=READ,
    query=Page,
    answers={200: SourceList},
    consistent=True,
)
async def list_webhook_sources(call: Call, page: Page) -> Answer:
    """All webhook sources, by name."""
    (after,) = read_cursor(page.cursor, str) or ("",)
    async with rows_of(call, projection.PROJECTION) as rows:
        found = await projection.find_sources(rows, after=after, limit=page.limit + 1)
    shown, following = cut(found, page.limit, lambda row: row.name)
    items = [
        SourceItem(
            name=row.name,
            url=hook_url(row.hook),
            preset=row.preset,  # type: ignore[arg-type]  # presets are these words
            target=shown_target(row.target),
            schema=row.schema,
            enabled=row.enabled,
            version=row.version,
        )
        for row in shown
    ]
    return json_answer(SourceList(items=items, next=following))


@operation(
    "GET",
    "/v1/webhooks/sources/{source}/history",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def webhook_source_history(call: Call, page: HistoryPage) -> Answer:
    """Everything that has happened to a webhook source's definition."""
    name = known_name(call.params["source"], missing_source)
    return await stream_history(call, call.tenant, SOURCE.stream(name), page, missing_source(name))


@operation(
    "GET",
    "/v1/webhooks/sources/{source}/refusals",
    needs="events:read",
    query=HistoryPage,
    answers={200: EventList},
    consistent=True,
)
async def webhook_source_refusals(call: Call, page: HistoryPage) -> Answer:
    """When messages to a source were refused: one event a minute at most; 404 when none was."""
    name = known_name(call.params["source"], missing_source)
    missing = NoSuchSource(f"Nothing was refused at a source named {name}.", source=name)
    return await stream_history(call, call.tenant, REFUSALS.stream(name), page, missing)


async def _change(
    call: Call, command_of: Callable[..., Any], render: Render | None = None
) -> Answer:
    name = known_name(call.params["source"], missing_source)
    command = command_of(source=name, at=call.platform.now())
    return await execute(call, command, render or show_source(name))


@operation(
    "POST",
    "/v1/webhooks/sources/{source}/disable",
    needs=WRITE,
    answers={200: SourceView},
    conditional=True,
)
async def disable_webhook_source(call: Call) -> Answer:
    """Take nothing from a source; its address answers as one that is not there."""
    return await _change(call, DisableSource)


@operation(
    "POST",
    "/v1/webhooks/sources/{source}/enable",
    needs=WRITE,
    answers={200: SourceView},
    conditional=True,
)
async def enable_webhook_source(call: Call) -> Answer:
    """Take a source's messages again."""
    return await _change(call, EnableSource)


@operation(
    "DELETE",
    "/v1/webhooks/sources/{source}",
    needs=WRITE,
    answers={204: None},
    conditional=True,
)
async def delete_webhook_source(call: Call) -> Answer:
    """End a source and its address for good; what it has received stays."""
    return await _change(call, DeleteSource, no_content)


OPERATIONS = (
    put_webhook_source,
    get_webhook_source,
    list_webhook_sources,
    webhook_source_history,
    webhook_source_refusals,
    disable_webhook_source,
    enable_webhook_source,
    delete_webhook_source,
)
