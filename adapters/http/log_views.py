"""Log sources, lines and counts as the API shows them, and where a line leads to."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from adapters.http.durations import written
from application.access import Principal
from application.log_reader import (
    Format,
    Level,
    LogBucket,
    LogEntry,
    LogFile,
    LogHistogram,
    LogPage,
    LogSummary,
    SourceFiles,
)
from application.logs import PLATFORM
from domain.recorded import DEFAULT_TENANT

CORRELATION = "correlation_id"
_CORRELATIONS = (CORRELATION, "correlationId", "correlation-id", "Correlation-Id")
"""The fields that may hold a request's correlation id, ours first."""


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """What a source is: `format` null is detected, `slack` how far stamps may be out of order."""

    name: str
    paths: tuple[str, ...]
    format: Format | None
    time_zone: str
    slack: str
    description: str
    built_in: bool
    version: int


class SourceItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a source has now; `problem` says why nothing can be told."""

    name: str
    format: str | None
    files: int
    bytes: int
    since: datetime | None = None
    until: datetime | None = None
    problem: str | None = None


class SourceList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of sources, by name."""

    items: list[SourceItem]
    next: str | None


class FileList(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a source, rotations among them."""

    items: tuple[LogFile, ...]


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """One message; `length` bytes from `offset` of the unpacked file are it, with all its lines.

    `links` lead to what belongs to it: `events` and `lines` of the same request.
    """

    at: datetime | None
    level: Level | None
    message: str
    fields: dict[str, Any]
    file: str
    offset: int
    length: int
    cut: bool
    links: dict[str, str]


class LineList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of lines; `next` goes on, `previous` back, which under `desc` is to newer lines.

    `unfinished`: the time for one request was up, `next` goes on from there.
    """

    items: list[LineView]
    next: str | None
    previous: str | None
    unfinished: bool


class HistogramView(msgspec.Struct, frozen=True, kw_only=True):
    """How many lines of each level lie in each `step`; empty steps are left out."""

    step: str
    since: datetime | None
    until: datetime | None
    buckets: tuple[LogBucket, ...]
    undated: int
    unfinished: bool
    counted_until: datetime | None


def view_source(source: SourceFiles, description: str, version: int) -> SourceView:
    """A source as it was registered, or as it is built in."""
    return SourceView(
        name=source.name,
        paths=source.paths,
        format=source.format,
        time_zone=source.time_zone,
        slack=written(source.slack),
        description=description,
        built_in=source.name == PLATFORM,
        version=version,
    )


def view_summary(summary: LogSummary) -> SourceItem:
    """What a source has now."""
    return SourceItem(
        name=summary.name,
        format=summary.format,
        files=summary.files,
        bytes=summary.bytes,
        since=summary.since,
        until=summary.until,
    )


def view_line(entry: LogEntry, source: str) -> LineView:
    """One message of a source."""
    return LineView(
        at=entry.at,
        level=entry.level,
        message=entry.message,
        fields=entry.fields,
        file=entry.file,
        offset=entry.offset,
        length=entry.length,
        cut=entry.cut,
        links=line_links(entry.fields, source),
    )


def view_page(page: LogPage, source: str) -> LineList:
    """A page of lines."""
    return LineList(
        items=[view_line(entry, source) for entry in page.entries],
        next=page.next,
        previous=page.previous,
        unfinished=page.unfinished,
    )


def view_histogram(found: LogHistogram) -> HistogramView:
    """Counts over time."""
    return HistogramView(
        step=written(found.step),
        since=found.since,
        until=found.until,
        buckets=found.buckets,
        undated=found.undated,
        unfinished=found.unfinished,
        counted_until=found.counted_until,
    )


def line_links(fields: Mapping[str, Any], source: str) -> dict[str, str]:
    """Where a line with a correlation id leads: to the events and the lines of its request."""
    for name in _CORRELATIONS:
        value = fields.get(name)
        if isinstance(value, str) and (id_ := _uuid(value)) is not None:
            return {
                "events": f"/v1/events?correlation={id_}",
                "lines": f"/v1/logs/{quote(source, safe='')}?field.{name}={value}",
            }
    return {}


def event_links(correlation_id: UUID) -> dict[str, str]:
    """Where an event leads: to the lines that were written for its request."""
    return {"logs": f"/v1/logs/{PLATFORM}?field.{CORRELATION}={correlation_id}"}


def sees_platform(principal: Principal) -> bool:
    """Whether a caller reads the platform's own lines, which speak of every tenant."""
    may_read = "platform-logs:read" in principal.permissions
    return may_read and principal.tenant == DEFAULT_TENANT


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if len(text) == len(str(UUID(int=0))) else None
    except ValueError:
        return None
