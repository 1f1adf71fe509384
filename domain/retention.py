"""Retention: which versions of a backup are kept.

Each rule keeps some, and what any rule keeps stays: the newest few, and the newest one of each of
the newest few days, weeks (from Monday) and months that have any, by the calendar of a time zone.
A day without a backup takes nobody's place. The newest version is always kept.
"""

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How many to keep: of the newest, and one for each of so many days, weeks and months."""

    last: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


def kept(retention: Retention, made: Mapping[str, datetime], zone: str) -> frozenset[str]:
    """The names that stay, of those that were made at these times."""
    there = ZoneInfo(zone)
    newest_first = sorted(made, key=lambda name: (made[name], name), reverse=True)

    def one_for_each(period: Callable[[datetime], Hashable], count: int) -> list[str]:
        newest: dict[Hashable, str] = {}
        for name in newest_first:
            newest.setdefault(period(made[name].astimezone(there)), name)
        return list(newest.values())[:count]

    return frozenset(
        [
            *newest_first[: max(retention.last, 1)],
            *one_for_each(lambda at: at.date(), retention.daily),
            *one_for_each(lambda at: at.isocalendar()[:2], retention.weekly),
            *one_for_each(lambda at: (at.year, at.month), retention.monthly),
        ]
    )
