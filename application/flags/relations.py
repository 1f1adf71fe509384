"""What must hold between flags, and between flags and segments, however many change together."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from application.unit import Unit
from domain.flags.conditions import segments_in
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


class PrerequisitesAreArchived(Conflict):
    """The flag depends on flags that were archived while it was."""

    slug = "prerequisites-are-archived"
    title = "The flag depends on flags that are archived"


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A flag as a unit has found it, and as it leaves it."""

    before: NoFlag | Flag
    after: NoFlag | Flag


async def check_revived(unit: Unit, touched: Mapping[str, Touched]) -> None:
    """Refuse to take a flag into use again that names what is not.

    Raises:
        SegmentsAreGone: naming them.
        PrerequisitesAreArchived: naming them.
    """
    for key, each in touched.items():
        if not (_archived(each.before) and isinstance(each.after, Flag)) or each.after.archived:
            continue
        named = segments_used(each.after)
        gone = sorted(named - await known_segments(unit, named))
        if gone:
            detail = f"Define {', '.join(gone[:5])} again before {key[:100]} is revived."
            raise SegmentsAreGone(detail, flag=key, segments=gone[:100])
        parents = parents_of(each.after)
        archived = [name for name in parents if _archived(await _seen(unit, touched, name))]
        if archived:
            detail = f"Revive {', '.join(archived[:5])} before {key[:100]}."
            raise PrerequisitesAreArchived(detail, flag=key, flags=archived[:100])


async def _seen(unit: Unit, touched: Mapping[str, Touched], key: str) -> NoFlag | Flag:
    """A flag as the unit leaves it, guarded where that is as it has found it."""
    return touched[key].after if key in touched else await unit.guard(FLAG, key)


def archived_in(touched: Mapping[str, Touched]) -> set[str]:
    """The flags that were in use before, and are archived after."""
    return {
        key
        for key, each in touched.items()
        if isinstance(each.before, Flag) and not each.before.archived and _archived(each.after)
    }


def check_dependents(
    gone: Collection[str], touched: Mapping[str, Touched], flags: Mapping[str, Flag]
) -> None:
    """Refuse to archive what others depend on: they would be off. `flags` are all that there are.

    Raises:
        FlagIsNeeded: naming those that do.
    """
    left = {**flags, **{key: each.after for key, each in touched.items()}}
    needed_by = sorted(
        key
        for key, flag in left.items()
        if isinstance(flag, Flag)
        and not flag.archived
        and any(name in gone for name in parents_of(flag))
    )
    if needed_by:
        detail = f"Take it out of the prerequisites first: {', '.join(needed_by[:5])}."
        raise FlagIsNeeded(detail, flags=needed_by[:100])


async def faults_of_prerequisites(
    unit: Unit, touched: Mapping[str, Touched], *, lenient: Collection[str] = ()
) -> list[tuple[str, Fault]]:
    """What is wrong with the prerequisites that are new, by flag, said within what describes it.

    They are followed to their ends, and what is seen on the way is guarded. `lenient` flags
    may name some that are not there or archived, which count as off.
    """
    new = {
        key: parents_of(each.after)
        for key, each in touched.items()
        if parents_of(each.after) != parents_of(each.before)
    }
    seen: dict[str, NoFlag | Flag] = {}
    waiting = list(new)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen[key] = await _seen(unit, touched, key)
            waiting += parents_of(seen[key])
    strict = {key: touched[key] for key in new if key not in lenient}
    faults = [found for key, each in strict.items() for found in _missing(key, each, seen)]
    return faults or list(_cycle(new, {key: parents_of(flag) for key, flag in seen.items()}))


def _missing(
    key: str, touched: Touched, seen: Mapping[str, NoFlag | Flag]
) -> Iterator[tuple[str, Fault]]:
    """Prerequisites that are not there, and those that the flag newly names although archived."""
    before = () if _archived(touched.before) else parents_of(touched.before)
    for index, name in enumerate(parents_of(touched.after)):
        if isinstance(seen[name], NoFlag):
            yield key, _at(index, "unknown-flag", "is no flag")
        elif _archived(seen[name]) and name not in before and not _archived(touched.after):
            yield key, _at(index, "archived-flag", "is archived, and would be off for ever")


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


def parents_of(flag: NoFlag | Flag) -> list[str]:
    """The flags that a flag names as its prerequisites."""
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
