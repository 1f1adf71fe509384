"""How log lines are asked for in a query string, and what a reader's refusal points at there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from adapters.http.names import NO_NUL
from adapters.http.paging import MOST, Limit
from adapters.http.queries import beginning_with
from application.log_reader import (
    LARGEST_HISTOGRAM,
    LEVELS,
    LONGEST_PATTERN,
    Level,
    LogQuery,
    at_least,
)
from domain.durations import parse_duration
from domain.rejections import Fault, Invalid

_LEVEL = f"({'|'.join(LEVELS)})"
_AGO = "[0-9]{1,9}(ms|s|m|h|d)"
_TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9:]+)"
_POINTERS = {"/levels": "/level"}
_FIELDS, _FIELD = "/fields/", "/field."

When = Annotated[
    str,
    msgspec.Meta(
        max_length=40,
        pattern=f"^({_AGO}|{_TIME})$",
        description="A time (RFC 3339), or how long ago: 15m.",
    ),
]
LevelNames = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^{_LEVEL}(,{_LEVEL})*$",
        description="Exactly these levels, such as error,critical.",
    ),
]
Text = Annotated[
    str, msgspec.Meta(min_length=1, max_length=LONGEST_PATTERN, extra_json_schema=NO_NUL)
]
Fields = Annotated[
    dict[str, str],
    beginning_with("field."),
    msgspec.Meta(
        description="`field.<name>=<value>`: this field is this; `a.b` is `b` within `a`."
    ),
]
Place = Annotated[
    str, msgspec.Meta(max_length=8000, description="`next` or `previous` of another page.")
]


class Sought(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines; all that is given must hold."""

    level: LevelNames | None = None
    min_level: Level | None = None
    q: Text | None = None
    ignore_case: bool = False
    regex: Text | None = None
    fields: Fields = msgspec.field(default_factory=dict)


class LinesQuery(Sought, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines, from when to when, in which order."""

    since: When | None = None
    until: When | None = None
    order: Literal["asc", "desc"] = "desc"
    cursor: Place = ""
    limit: Limit = 100


class TailQuery(Sought, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines, beginning with how many that are there; `Last-Event-ID` goes before `cursor`."""

    last: Annotated[int, msgspec.Meta(ge=0, le=MOST)] = 0
    cursor: Place = ""


class HistogramQuery(Sought, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines are counted, from when to when, in at most how many steps."""

    since: When | None = None
    until: When | None = None
    buckets: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_HISTOGRAM)] = 60


def sought(query: Sought) -> LogQuery:
    """The conditions, as the reader takes them.

    Raises:
        Invalid: they exclude each other.
    """
    return LogQuery(
        levels=_levels(query),
        q=query.q,
        ignore_case=query.ignore_case,
        regex=query.regex,
        fields=query.fields,
    )


def within(query: LinesQuery | HistogramQuery, now: datetime) -> LogQuery:
    """The conditions and the stretch of time.

    Raises:
        Invalid: a time is none.
    """
    return msgspec.structs.replace(
        sought(query),
        since=moment(query.since, now, "/since"),
        until=moment(query.until, now, "/until"),
    )


def _levels(query: Sought) -> frozenset[Level]:
    exactly: frozenset[Level] = frozenset(
        level for level in LEVELS if level in (query.level or "").split(",")
    )
    if query.min_level is None:
        return exactly
    if not exactly:
        return at_least(query.min_level)
    both = exactly & at_least(query.min_level)
    if not both:
        detail = "no level is both among level and at least min_level"
        raise Invalid(Fault(pointer="/min_level", code="exclusive", detail=detail))
    return both


def moment(text: str | None, now: datetime, pointer: str) -> datetime | None:
    """The time that a text names, in UTC; a length of time is so long ago.

    Raises:
        Invalid: when it names none.
    """
    if text is None:
        return None
    try:
        return now - parse_duration(text)
    except OverflowError:
        raise _no_time(text, pointer) from None
    except ValueError:
        pass
    try:
        return _in_utc(text)
    except (msgspec.ValidationError, OverflowError):
        raise _no_time(text, pointer) from None


def _in_utc(text: str) -> datetime:
    at: datetime = msgspec.convert(text, Annotated[datetime, msgspec.Meta(tz=True)])
    return at.astimezone(UTC)


def _no_time(text: str, pointer: str) -> Invalid:
    detail = f"{text} is neither a time, as 2026-01-31T12:00:00Z, nor how long ago, as 15m"
    return Invalid(Fault(pointer=pointer, code="format", detail=detail))


@contextmanager
def pointing() -> Iterator[None]:
    """Let a reader's refusal point at parameters.

    Raises:
        Invalid: the same faults, where the caller finds them.
    """
    try:
        yield
    except Invalid as invalid:
        faults = (
            msgspec.structs.replace(each, pointer=_parameter(each.pointer))
            for each in invalid.faults
        )
        raise Invalid(*faults, detail="The query is not valid.") from None


def _parameter(pointer: str) -> str:
    if pointer.startswith(_FIELDS):
        return _FIELD + pointer.removeprefix(_FIELDS)
    return _POINTERS.get(pointer, pointer)
