"""What flags begin to need, against whoever archives that in the same moment.

To name a segment or a flag guards its stream: what was archived before cannot be named. To archive
one guards the stream of the need for it: what was named before is not archived.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime

from application.flags.flag_sets import FlagSets
from application.flags.relations import (
    Touched,
    archived_in,
    check_dependents,
    parents_of,
    segments_used,
)
from application.unit import Unit
from domain.flags.needs import NEED, BeginNeed
from domain.flags.state import Flag, NoFlag

AT_ONCE = 100
"""Flags that are looked at before other requests get their turn."""


async def begin_needs(unit: Unit, touched: Mapping[str, Touched], at: datetime) -> None:
    """Tell each segment and each flag that is named from now on by whom it is."""
    begun: dict[str, list[str]] = {}
    for number, (key, each) in enumerate(touched.items()):
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        for name in _needs(each.after) - _needs(each.before):
            begun.setdefault(name, []).append(key)
    for name, flags in sorted(begun.items()):
        await unit.decide(NEED, name, BeginNeed(flags=tuple(flags), at=at))


async def check_archiving(unit: Unit, touched: Mapping[str, Touched], sets: FlagSets) -> None:
    """Refuse to archive flags that others depend on, or begin to at this moment.

    Raises:
        FlagIsNeeded: naming those that do.
    """
    gone = archived_in(touched)
    if gone:
        for key in sorted(gone):
            await unit.guard(NEED, _flag(key))
        check_dependents(gone, touched, (await sets.newest(unit.context.tenant)).flags)


async def flags_with_segment(unit: Unit, name: str, sets: FlagSets) -> list[str]:
    """The flags whose rules name a segment, if none begins to until the unit is recorded."""
    await unit.guard(NEED, _segment(name))
    flags = (await sets.newest(unit.context.tenant)).flags
    return [key for key, flag in flags.items() if name in segments_used(flag)]


def _needs(flag: NoFlag | Flag) -> set[str]:
    """What a flag in use names, as streams of needs are named."""
    if isinstance(flag, NoFlag) or flag.archived:
        return set()
    return {*map(_segment, segments_used(flag)), *map(_flag, parents_of(flag))}


def _segment(name: str) -> str:
    return f"segment.{name}"


def _flag(key: str) -> str:
    return f"flag.{key}"
