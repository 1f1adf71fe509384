"""How often a flag was evaluated, over HTTP."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.calls import Call
from adapters.http.flag_evaluation import READ, current_flags
from adapters.http.flag_shapes import missing
from adapters.http.lists import rows_of
from adapters.http.moments import in_utc
from adapters.http.names import Name, known_foreign_name
from adapters.http.operations import operation
from application.flags import DEFAULT_ENVIRONMENT
from domain.rejections import Fault, Invalid
from projections import flag_usage as projection
from projections.flag_usage import HourRow, VariantRow

HOUR = timedelta(hours=1)
USUAL = timedelta(hours=24)
LONGEST = timedelta(days=92)

Time = Annotated[datetime, msgspec.Meta(tz=True, description="RFC 3339; counts are by the hour.")]


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where, and from when to when: the last 24 hours, unless given; at most 92 days."""

    environment: Name = DEFAULT_ENVIRONMENT
    since: Time | None = None
    until: Time | None = None


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """How often the flag was on and was off, and each variant was served."""

    yes: int
    no: int
    variants: dict[str, int]


class ServedInHour(Served, frozen=True, kw_only=True):
    """The same, in the hour that begins then."""

    hour: datetime


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """A flag's evaluations in one environment; `last_seen_at` is of all time."""

    key: str
    environment: str
    since: datetime
    until: datetime
    last_seen_at: datetime | None
    totals: Served
    hours: list[ServedInHour]


@operation(
    "GET",
    "/v1/flags/{key}/usage",
    needs=READ,
    query=UsageQuery,
    answers={200: Usage},
    consistent=True,
)
async def flag_usage(call: Call, query: UsageQuery) -> Answer:
    """How often a flag was evaluated, by the hour, and when last."""
    key, environment = known_foreign_name(call.params["key"], missing), query.environment
    if not (await current_flags(call)).knows(key):
        raise missing(key)
    since, until = _period(query, call.platform.now())
    async with rows_of(call, projection.PROJECTION) as rows:
        hours = await projection.find_hours(rows, key, environment, since, until)
        variants = await projection.find_variants(rows, key, environment, since, until)
        seen = await projection.last_seen(rows, [key], environment)
    usage = Usage(
        key=key,
        environment=environment,
        since=since,
        until=until,
        last_seen_at=seen.get(key),
        totals=_totals(hours, variants),
        hours=_by_hour(hours, variants),
    )
    return json_answer(usage)


def _period(query: UsageQuery, now: datetime) -> tuple[datetime, datetime]:
    """From a whole hour to before `until`.

    Raises:
        Invalid: the period is empty or too long.
    """
    until = in_utc(query.until, "/until") or now
    try:
        since = in_utc(query.since, "/since") or until - USUAL
    except OverflowError:
        since = datetime.min.replace(tzinfo=UTC)
    since = since.replace(minute=0, second=0, microsecond=0)
    if since >= until:
        detail = "must lie before until, which is now unless it is given"
        raise Invalid(Fault(pointer="/since", code="range", detail=detail))
    if until - since > LONGEST + HOUR:
        detail = f"must lie at most {LONGEST.days} days before until"
        raise Invalid(Fault(pointer="/since", code="range", detail=detail))
    return since, until


def _totals(hours: Iterable[HourRow], variants: Iterable[VariantRow]) -> Served:
    by: dict[str, int] = {}
    for row in variants:
        by[row.variant] = by.get(row.variant, 0) + row.number
    known = list(hours)
    return Served(yes=sum(row.yes for row in known), no=sum(row.no for row in known), variants=by)


def _by_hour(hours: Iterable[HourRow], variants: Iterable[VariantRow]) -> list[ServedInHour]:
    by: dict[datetime, dict[str, int]] = {}
    for row in variants:
        by.setdefault(row.hour, {})[row.variant] = row.number
    return [
        ServedInHour(hour=row.hour, yes=row.yes, no=row.no, variants=by.get(row.hour, {}))
        for row in hours
    ]


OPERATIONS = (flag_usage,)
