"""What webhook sources look like on the wire, and what the domain makes of that."""

from typing import Annotated, Any, Literal

import msgspec

from adapters.http.answers import Answer, Headers, json_answer
from adapters.http.commands import Render
from adapters.http.conditions import etag
from adapters.http.durations import Duration, seconds, written
from adapters.http.executors import HeaderName
from adapters.http.names import NO_NUL, Name
from application.webhooks.sources import DefineSource, SourceSet
from domain.rejections import Fault, Invalid
from domain.webhooks.sources import (
    Dedup,
    NoSource,
    NoSuchSource,
    Preset,
    Scheme,
    Source,
    ToAction,
    ToLog,
    WebhookTarget,
)

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


def missing_source(name: str) -> NoSuchSource:
    """There is none of this name."""
    return NoSuchSource(f"There is no webhook source named {name[:100]}.", source=name[:100])


def hook_url(hook: str) -> str:
    """Where a hook answers."""
    return f"/hooks/{hook}"


def show_source(name: str) -> Render:
    """From a source, or what has just become of it, to the answer that shows it."""

    def render(source: NoSource | Source | SourceSet, version: int) -> Answer:
        created = isinstance(source, SourceSet) and source.created
        now = source.source if isinstance(source, SourceSet) else source
        if isinstance(now, NoSource):
            raise missing_source(name)
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
        target=shown_target(msgspec.to_builtins(source.target)),
        schema=source.schema,
        enabled=source.enabled,
        version=version,
        secrets=len(source.secrets),
        tolerance=written(source.tolerance),
        dedup=_shown_dedup(source.dedup),
        scheme=None if source.scheme is None else msgspec.to_builtins(source.scheme),
    )


def shown_target(target: dict[str, Any]) -> dict[str, Any]:
    """A target as it was recorded, without what it leaves open."""
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


def definition_of(name: str, body: SourceBody) -> DefineSource:
    """What a request asks for.

    Raises:
        Invalid: with pointers into the body.
    """
    return DefineSource(
        source=name,
        preset=body.preset,
        secrets=None if body.secrets is None else tuple(body.secrets),
        tolerance=_tolerance(body.tolerance),
        dedup=_dedup(body.dedup),
        scheme=_scheme(body),
        target=_target(body.target),
        schema=body.schema,
    )
