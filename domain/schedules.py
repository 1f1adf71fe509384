"""Schedules: when a cron expression next fires, in a time zone with its daylight saving.

The expression speaks of the wall clock. Where the clock skips a time, it fires at the first valid
one after it; where the clock shows a time twice, it fires at the first of the two. An expression
that names several skipped times fires once for them all. This holds for `*` too: each reading of
the clock counts once, so "every 15 minutes" pauses while an hour is repeated; in `UTC` it does not.

Cron's own rules (names, ranges, steps, `L`, `#`, the two day fields) are those of Debian's cron,
by cronsim, which is only asked about wall clocks here.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from domain.rejections import Fault, Invalid

_FIELDS = 5
_LONGEST = 200
_SECOND = timedelta(seconds=1)
_SOMETIME = datetime(2024, 1, 1)  # noqa: DTZ001 - a wall clock's reading, in no zone

_NO_PLACES = frozenset({"localtime", "Factory"})
"""Files among the zones that say something else on each machine, or nothing."""

_SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def check(cron: str, zone: str, *, pointer: str = "") -> None:
    """Refuse a schedule that could not be followed.

    Raises:
        Invalid: with the faults at `/cron` and `/time_zone` below the pointer.
    """
    faults = []
    if not _is_cron(cron):
        detail = "is not a cron expression of five fields that ever fires, such as 0 9 * * MON-FRI"
        faults.append(Fault(pointer=f"{pointer}/cron", code="not_cron", detail=detail))
    if zone not in _zones():
        detail = "is not a time zone of the IANA database, such as Europe/Berlin"
        faults.append(Fault(pointer=f"{pointer}/time_zone", code="not_a_time_zone", detail=detail))
    if faults:
        raise Invalid(*faults)


def next_after(cron: str, zone: str, after: datetime) -> datetime:
    """The first moment later than `after` at which the schedule fires, in UTC.

    Raises:
        OverflowError: when there is none before the calendar's end, in the year 9999.
        KeyError, CronSimError: for a schedule that `check` refuses.
    """
    there = ZoneInfo(zone)
    wall_clock = after.astimezone(there).replace(tzinfo=None)
    for reading in CronSim(_expression(cron), wall_clock):
        moment = _moment(reading, there)
        if moment > after:
            return moment
    raise OverflowError(f"{cron!r} never fires after {after}")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACES


def _expression(cron: str) -> str:
    return _SHORTHANDS.get(cron.lower(), cron)


def _is_cron(cron: str) -> bool:
    expression = _expression(cron)
    if len(expression) > _LONGEST or len(expression.split()) != _FIELDS:
        return False
    try:
        return next(CronSim(expression, _SOMETIME), None) is not None
    except CronSimError:
        return False


def _moment(reading: datetime, zone: ZoneInfo) -> datetime:
    """When the zone's clock first shows this reading, or first shows a later one."""
    moment = reading.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _reading(moment, zone) == reading:
        return moment
    before, behind = reading.replace(tzinfo=zone, fold=1).astimezone(UTC), moment
    while behind - before > _SECOND:
        between = before + (behind - before) // (2 * _SECOND) * _SECOND
        if _reading(between, zone) < reading:
            before = between
        else:
            behind = between
    return behind


def _reading(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
