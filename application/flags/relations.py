"""What must hold between flags, and between flags and segments, however many change together."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from application.unit import Unit
from domain.flags.conditions import AllOf, AnyOf, Condition, InSegment
from domain.flags.decider import FLAG
from domain.flags.edits import Edit, SetRules
from domain.flags.prerequisites import cycle_in
from domain.flags.segments import SEGMENT
from domain.flags.state import Flag, NoFlag, Segment
from domain.rejections import Conflict, Fault


class FlagIsNeeded(Conflict):
    """Other flags name it as a prerequisite."""

    slug = "flag-is-needed"
    title = "Other flags depend on the flag"


class SegmentsAreGone(Conflict):
    """The flag's rules name segments that were archived while it was."""

    slug = "segments-are-gone"
    title = "The flag's rules name segments that are archived"


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A flag as a unit has found it, and as it leaves it."""

    before: NoFlag | Flag
    after: NoFlag | Flag


async def check_segments(unit: Unit, touched: Mapping[str, Touched]) -> None:
    """Refuse to take a flag into use again whose rules name what is not there.

    Raises:
        SegmentsAreGone: naming them.
    """
    for key, each in touched.items():
        if isinstance(each.after, Flag) and _archived(each.before):
            named = segments_used(each.after)
            gone = sorted(named - await known_segments(unit, named))
            if gone:
                detail = f"Define {', '.join(gone[:5])} again before {key[:100]} is revived."
                raise SegmentsAreGone(detail, flag=key, segments=gone[:100])


def check_dependents(touched: Mapping[str, Touched], flags: Mapping[str, Flag]) -> None:
    """Refuse to archive what others depend on: they would be off. `flags` are all that there are.

    Raises:
        FlagIsNeeded: naming those that do.
    """
    gone = {
        key
        for key, each in touched.items()
        if isinstance(each.before, Flag) and not each.before.archived and _archived(each.after)
    }
    if not gone:
        return
    left = {**flags, **{key: each.after for key, each in touched.items()}}
    needed_by = sorted(
        key
        for key, flag in left.items()
        if isinstance(flag, Flag) and not flag.archived and not gone.isdisjoint(_parents(flag))
    )
    if needed_by:
        detail = f"Take it out of the prerequisites first: {', '.join(needed_by[:5])}."
        raise FlagIsNeeded(detail, flags=needed_by[:100])


async def faults_of_prerequisites(
    unit: Unit, touched: Mapping[str, Touched], *, lenient: Collection[str] = ()
) -> list[tuple[str, Fault]]:
    """What is wrong with the prerequisites that are new, by flag, said within what describes it.

    They are followed to their ends, and what is seen on the way is guarded. `lenient` flags
    may name some that are not there, which count as off.
    """
    new = {
        key: _parents(each.after)
        for key, each in touched.items()
        if _parents(each.after) != _parents(each.before)
    }
    parents: dict[str, list[str]] = {}
    unknown: set[str] = set()
    waiting = list(new)
    while waiting:
        key = waiting.pop()
        if key not in parents:
            state = touched[key].after if key in touched else await unit.guard(FLAG, key)
            if isinstance(state, NoFlag):
                unknown.add(key)
            parents[key] = _parents(state)
            waiting += parents[key]
    faults = [
        (key, _at(index, "unknown-flag", "is no flag"))
        for key, named in new.items()
        for index, name in enumerate(named)
        if name in unknown and key not in lenient
    ]
    return faults or list(_cycle(new, parents))


def _cycle(
    new: Mapping[str, list[str]], parents: Mapping[str, list[str]]
) -> Iterator[tuple[str, Fault]]:
    """A cycle as a fault of one of the flags that have closed it."""
    way = cycle_in(parents)[:-1]
    for place, key in enumerate(way):
        if key in new:
            turned = [*way[place:], *way[:place], key]
            detail = f"leads back to the flag itself: {' -> '.join(turned[:20])}"
            yield key, _at(new[key].index(turned[1]), "cycle", detail)
            return


def _at(index: int, code: str, detail: str) -> Fault:
    return Fault(pointer=f"/prerequisites/{index}/flag", code=code, detail=detail)


def _parents(flag: NoFlag | Flag) -> list[str]:
    return [each.flag for each in flag.about.prerequisites] if isinstance(flag, Flag) else []


def _archived(flag: NoFlag | Flag) -> bool:
    return isinstance(flag, Flag) and flag.archived


async def known_segments(unit: Unit, names: Iterable[str]) -> set[str]:
    """Those of the segments that are there, and stay so until the unit is recorded."""
    known = set()
    for name in sorted(names):
        segment = await unit.guard(SEGMENT, name)
        if isinstance(segment, Segment) and not segment.archived:
            known.add(name)
    return known


def segments_used(flag: Flag) -> set[str]:
    """The segments that a flag's rules name, in any environment; none of an archived flag."""
    if flag.archived:
        return set()
    return {
        name
        for setting in flag.settings.values()
        for rule in setting.rules
        for name in segments_in(rule.condition)
    }


def protected_by_segment(flags: Mapping[str, Flag]) -> dict[str, list[str]]:
    """The protected flags whose rules name a segment, by segment."""
    found: dict[str, list[str]] = {}
    for key, flag in flags.items():
        if flag.about.protected:
            for name in segments_used(flag):
                found.setdefault(name, []).append(key)
    return found


def segments_of(edit_: Edit) -> Iterator[str]:
    """The segments that an edit's rules name."""
    if isinstance(edit_, SetRules):
        for rule in edit_.rules:
            yield from segments_in(rule.condition)


def segments_in(condition: Condition) -> Iterator[str]:
    """The segments that a condition names."""
    if isinstance(condition, InSegment):
        yield condition.segment
    elif isinstance(condition, AllOf | AnyOf):
        for each in condition.of:
            yield from segments_in(each)
