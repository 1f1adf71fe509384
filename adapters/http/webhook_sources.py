"""Webhook sources over HTTP: who may call in, how that is verified, and what it causes."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec

from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.calls import Call
from adapters.http.commands import Render, execute
from adapters.http.conditions import etag
from adapters.http.durations import Duration, seconds, written
from adapters.http.event_views import EventList
from adapters.http.executors import HeaderName
from adapters.http.histories import HistoryPage, stream_history
from adapters.http.lists import cut, rows_of
from adapters.http.moments import Moment, fold
from adapters.http.names import NO_NUL, Name, known_name, new_name
from adapters.http.operations import operation
from adapters.http.paging import Page, read_cursor
from application.webhooks.sources import DefineSource, SourceSet
from domain.rejections import Fault, Invalid
from domain.webhooks.refusals import REFUSALS
from domain.webhooks.sources import (
    SOURCE,
    Dedup,
    DeleteSource,
    DisableSource,
    EnableSource,
    NoSource,
    NoSuchSource,
    Preset,
    Scheme,
    Source,
    ToAction,
    ToLog,
    WebhookTarget,
)
from projections import webhooks as projection

READ, WRITE = "webhooks:read", "webhooks:write"
LONGEST_TOLERANCE = 86_400.0  # seconds

SecretText = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, extra_json_schema=NO_NUL)]
Pointer = Annotated[str, msgspec.Meta(pattern="^(/([^~/\\u0000]|~[01])*)+$", max_length=500)]


class SchemeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a generic provider signs: over the body, or over time, full stop and body."""

    signature_header: HeaderName = "x-signature"
    prefix: Annotated[str, msgspec.Meta(pattern="^[\\x21-\\x7e]{0,50}$")] = ""
    encoding: Literal["hex", "base64"] = "hex"
    algorithm: Literal["sha256", "sha512"] = "sha256"
    timestamp_header: HeaderName | None = None


class DedupBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the provider's event id is: in a header, or at a pointer into a JSON body."""

    header: HeaderName | None = None
    pointer: Pointer | None = None


class LogTargetBody(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="log",
):
    """Write a line into the platform's log, under a name."""

    name: Name | None = None


class ActionTargetBody(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="action",
):
    """Run an action on the payload, or on an envelope that holds it, its id and headers."""

    name: Name
    input: Literal["payload", "envelope"] = "payload"


class SourceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a source is; secrets that are left out stay as they are."""

    preset: Preset
    target: LogTargetBody | ActionTargetBody
    secrets: Annotated[list[SecretText], msgspec.Meta(min_length=1, max_length=2)] | None = None
    tolerance: Duration = "5m"
    dedup: Literal["auto", "body"] | DedupBody = "auto"
    scheme: SchemeBody | None = None
    schema: Name | None = None


class SourceItem(msgspec.Struct, frozen=True, kw_only=True):
    """A source in a list; `url` is where its provider sends to, under this platform's address."""

    name: str
    url: str
    preset: Preset
    target: dict[str, Any]
    schema: str | None
    enabled: bool
    version: int


class SourceView(SourceItem, frozen=True, kw_only=True):
    """A source; of its secrets only the number is told."""

    secrets: int
    tolerance: str
    dedup: str | dict[str, str]
    scheme: dict[str, Any] | None


class SourceList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of sources, by name."""

    items: list[SourceItem]
    next: str | None


def _missing(name: str) -> NoSuchSource:
    return NoSuchSource(f"There is no webhook source named {name[:100]}.", source=name[:100])


def hook_url(hook: str) -> str:
    """Where a hook answers."""
    return f"/hooks/{hook}"


def _show(name: str) -> Render:
    def render(source: NoSource | Source | SourceSet, version: int) -> Answer:
        created = isinstance(source, SourceSet) and source.created
        now = source.source if isinstance(source, SourceSet) else source
        if isinstance(now, NoSource):
            raise _missing(name)
        headers: Headers = (etag(version),)
        if created:
            headers += ((b"location", f"/v1/webhooks/sources/{name}".encode()),)
        return json_answer(_view(name, now, version), 201 if created else 200, headers)

    return render


def _view(name: str, source: Source, version: int) -> SourceView:
    return SourceView(
        name=name,
        url=hook_url(source.hook),
        preset=source.preset,
        target=_shown_target(msgspec.to_builtins(source.target)),
        schema=source.schema,
        enabled=source.enabled,
        version=version,
        secrets=len(source.secrets),
        tolerance=written(source.tolerance),
        dedup=_shown_dedup(source.dedup),
        scheme=None if source.scheme is None else msgspec.to_builtins(source.scheme),
    )


def _shown_target(target: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in target.items() if value != ""}


def _shown_dedup(dedup: Dedup) -> str | dict[str, str]:
    return {dedup.by: dedup.name} if dedup.name else dedup.by


def _target(body: LogTargetBody | ActionTargetBody) -> WebhookTarget:
    if isinstance(body, LogTargetBody):
        return ToLog(name=body.name or "")
    return ToAction(name=body.name, input=body.input)


def _dedup(given: str | DedupBody) -> Dedup:
    if given == "auto":
        return Dedup()
    if given == "body":
        return Dedup(by="body")
    assert isinstance(given, DedupBody)  # noqa: S101 - the last kind of three
    if given.header is not None and given.pointer is None:
        return Dedup(by="header", name=given.header.lower())
    if given.pointer is not None and given.header is None:
        return Dedup(by="pointer", name=given.pointer)
    fault = Fault(pointer="/dedup", code="exclusive", detail="give header or pointer, one of them")
    raise Invalid(fault)


def _scheme(body: SourceBody) -> Scheme | None:
    if body.preset == "generic":
        given = body.scheme or SchemeBody()
        return Scheme(
            signature_header=given.signature_header.lower(),
            prefix=given.prefix,
            encoding=given.encoding,
            algorithm=given.algorithm,
            timestamp_header=given.timestamp_header and given.timestamp_header.lower(),
        )
    if body.scheme is not None:
        detail = "only a generic source says how it is signed"
        raise Invalid(Fault(pointer="/scheme", code="exclusive", detail=detail))
    return None


def _tolerance(text: str) -> float:
    length = seconds(text, "/tolerance")
    if not 1 <= length <= LONGEST_TOLERANCE:
        detail = f"must be 1s at least and at most {written(LONGEST_TOLERANCE)}"
        raise Invalid(Fault(pointer="/tolerance", code="range", detail=detail))
    return length


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
    command = DefineSource(
        source=name,
        preset=body.preset,
        secrets=None if body.secrets is None else tuple(body.secrets),
        tolerance=_tolerance(body.tolerance),
        dedup=_dedup(body.dedup),
        scheme=_scheme(body),
        target=_target(body.target),
        schema=body.schema,
    )
    return await execute(call, command, _show(name))


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
    name = known_name(call.params["source"], _missing)
    return _show(name)(*await fold(call, SOURCE, name, moment))


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
            target=_shown_target(row.target),
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
    name = known_name(call.params["source"], _missing)
    return await stream_history(call, call.tenant, SOURCE.stream(name), page, _missing(name))


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
    name = known_name(call.params["source"], _missing)
    missing = NoSuchSource(f"Nothing was refused at a source named {name}.", source=name)
    return await stream_history(call, call.tenant, REFUSALS.stream(name), page, missing)


async def _change(
    call: Call, command_of: Callable[..., Any], render: Render | None = None
) -> Answer:
    name = known_name(call.params["source"], _missing)
    command = command_of(source=name, at=call.platform.now())
    return await execute(call, command, render or _show(name))


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
    return await _change(call, DeleteSource, lambda _result, _version: Answer(204))


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
