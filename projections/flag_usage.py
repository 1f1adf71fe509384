"""How often flags were evaluated: in all, by the hour and by variant, and when last.

An hour's rows stay for as long as the log does. A flag that is evaluated all the time has a row for
each hour and environment, and one more for each of its variants.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.flags.usage import FlagUsageCounted
from domain.recorded import Recorded
from projections.projection import Projection
from projections.reading import Rows
from projections.tables import (
    BIGINT,
    TEXT,
    TIME,
    Operation,
    Table,
    gather,
    greatest,
    summed,
)

TOTALS = Table(
    "totals",
    key={"flag": TEXT, "environment": TEXT},
    columns={"yes": summed(BIGINT), "no": summed(BIGINT), "last_seen_at": greatest(TIME)},
)
HOURS = Table(
    "hours",
    key={"flag": TEXT, "environment": TEXT, "hour": TIME},
    columns={"yes": summed(BIGINT), "no": summed(BIGINT)},
)
VARIANTS = Table(
    "variants",
    key={"flag": TEXT, "environment": TEXT, "hour": TIME, "variant": TEXT},
    columns={"number": summed(BIGINT)},
)


def project(recorded: Recorded[FlagUsageCounted]) -> Iterable[Operation]:
    """How an event changes the rows."""
    event = recorded.event
    hour = event.until.replace(minute=0, second=0, microsecond=0)
    for count in event.counts:
        where = (count.flag, event.environment)
        numbers = {"yes": count.yes, "no": count.no}
        yield gather(TOTALS, where, {**numbers, "last_seen_at": event.until})
        yield gather(HOURS, (*where, hour), numbers)
        for variant, number in count.variants.items():
            yield gather(VARIANTS, (*where, hour, variant), {"number": number})


PROJECTION = Projection(
    name="flag_usage",
    version=1,
    tables=(TOTALS, HOURS, VARIANTS),
    handles=(FlagUsageCounted,),
    project=project,
)


class HourRow(msgspec.Struct, frozen=True, kw_only=True):
    """An hour in which a flag was evaluated."""

    hour: datetime
    yes: int
    no: int


class VariantRow(msgspec.Struct, frozen=True, kw_only=True):
    """How often a variant was served in an hour."""

    hour: datetime
    variant: str
    number: int


class SeenRow(msgspec.Struct, frozen=True, kw_only=True):
    """When a flag was evaluated last."""

    flag: str
    last_seen_at: datetime


async def find_hours(
    rows: Rows, flag: str, environment: str, since: datetime, until: datetime
) -> list[HourRow]:
    """The hours from `since` to before `until`, in order."""
    sql = """
        SELECT hour, yes, no FROM {hours}
        WHERE flag = $1 AND environment = $2 AND hour >= $3 AND hour < $4 ORDER BY hour
    """
    return await rows.find(HourRow, sql, flag, environment, since, until)


async def find_variants(
    rows: Rows, flag: str, environment: str, since: datetime, until: datetime
) -> list[VariantRow]:
    """What was served in the hours from `since` to before `until`, in order."""
    sql = """
        SELECT hour, variant, number FROM {variants}
        WHERE flag = $1 AND environment = $2 AND hour >= $3 AND hour < $4 ORDER BY hour, variant
    """
    return await rows.find(VariantRow, sql, flag, environment, since, until)


async def last_seen(rows: Rows, flags: list[str], environment: str) -> dict[str, datetime]:
    """When flags were evaluated last, those that ever were."""
    sql = """
        SELECT flag, last_seen_at FROM {totals} WHERE flag = ANY ($1::text[]) AND environment = $2
    """
    found = await rows.find(SeenRow, sql, flags, environment)
    return {row.flag: row.last_seen_at for row in found}
