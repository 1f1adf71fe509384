"""Changing one flag or segment: what its decision needs to know of others is loaded and guarded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.flags.flag_sets import FlagSets
from application.states import Folded
from application.unit import Done, Unit
from domain.flags.commands import ChangeFlag
from domain.flags.conditions import AllOf, AnyOf, Condition, InSegment
from domain.flags.decider import FLAG
from domain.flags.differences import edits_between
from domain.flags.edits import Archive, Describe, Edit, SetRules
from domain.flags.prerequisites import cycle_through
from domain.flags.segments import SEGMENT, ArchiveSegment, DefineSegment
from domain.flags.state import Flag, NoFlag, NoSegment, Segment
from domain.rejections import Conflict, Fault, Invalid


class EditFlag(msgspec.Struct, frozen=True, kw_only=True):
    """Carry out edits of one flag: `ChangeFlag`, before what it must know was looked up."""

    flag: str
    edits: tuple[Edit, ...]
    pointers: tuple[str, ...] = ()
    approved: bool = False
    foreign: bool = False
    at: datetime


class RevertFlag(msgspec.Struct, frozen=True, kw_only=True):
    """Change a flag back to what it was before; a version of it that was never is not offered."""

    flag: str
    to: Flag
    at: datetime


class FlagChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A flag after a command; `created` tells that it was not there before."""

    flag: NoFlag | Flag
    created: bool


class FlagIsNeeded(Conflict):
    """Other flags name it as a prerequisite."""

    slug = "flag-is-needed"
    title = "Other flags depend on the flag"


async def edit(
    unit: Unit, command: EditFlag, sets: FlagSets, *, among: frozenset[str] = frozenset()
) -> FlagChanged:
    """Let a flag answer edits, knowing the segments and the flags that these name.

    `among` are the names of segments that come into being in the same unit.

    Raises:
        Rejection: as the flag's decider does; FlagIsNeeded, or Invalid where a prerequisite is
            unknown or leads back to the flag.
    """
    before = await unit.load(FLAG, command.flag)
    pointers = command.pointers or ("",) * len(command.edits)
    for each, pointer in zip(command.edits, pointers, strict=True):
        if isinstance(each, Describe):
            await _check_prerequisites(unit, command.flag, each, pointer)
        elif isinstance(each, Archive):
            await _check_dependents(unit, command.flag, sets)
    known = among | await _known_segments(unit, command.edits, among)
    change = ChangeFlag(
        flag=command.flag,
        edits=command.edits,
        segments=known,
        approved=command.approved,
        foreign=command.foreign,
        pointers=command.pointers,
        at=command.at,
    )
    after = await unit.decide(FLAG, command.flag, change)
    return FlagChanged(flag=after, created=isinstance(before, NoFlag))


async def _known_segments(
    unit: Unit, edits: Iterable[Edit], among: frozenset[str]
) -> frozenset[str]:
    known = set()
    for name in sorted({name for each in edits for name in segments_of(each)} - among):
        segment = await unit.guard(SEGMENT, name)
        if isinstance(segment, Segment) and not segment.archived:
            known.add(name)
    return frozenset(known)


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


async def _check_prerequisites(unit: Unit, key: str, change: Describe, pointer: str) -> None:
    """Follow the flag's new prerequisites to their ends; what is seen is guarded."""
    parents = {key: [each.flag for each in change.about.prerequisites]}
    waiting = list(parents[key])
    while waiting:
        name = waiting.pop()
        if name in parents:
            continue
        state = await unit.guard(FLAG, name)
        named = state.about.prerequisites if isinstance(state, Flag) else ()
        parents[name] = [each.flag for each in named]
        waiting += parents[name]
        if isinstance(state, NoFlag) and name in parents[key]:
            raise _at_prerequisite(parents[key], name, pointer, "unknown-flag", "is no flag")
    cycle = cycle_through(key, parents)
    if cycle:
        detail = f"leads back to the flag itself: {' -> '.join(cycle[:20])}"
        raise _at_prerequisite(parents[key], cycle[1], pointer, "cycle", detail)


def _at_prerequisite(names: list[str], name: str, pointer: str, code: str, detail: str) -> Invalid:
    place = f"{pointer}/prerequisites/{names.index(name)}/flag"
    return Invalid(Fault(pointer=place, code=code, detail=detail))


async def _check_dependents(unit: Unit, key: str, sets: FlagSets) -> None:
    """An archived flag would switch those off that depend on it."""
    flags = (await sets.of(unit.context.tenant)).flags
    needed_by = sorted(
        name
        for name, flag in flags.items()
        if not flag.archived and any(each.flag == key for each in flag.about.prerequisites)
    )
    if needed_by:
        detail = f"Take it out of the prerequisites first: {', '.join(needed_by[:5])}."
        raise FlagIsNeeded(detail, flags=needed_by[:100])


@dataclass(frozen=True)
class EditFlagHandler:
    """Carries out `EditFlag`."""

    sets: FlagSets

    async def __call__(self, command: EditFlag, run: Run) -> Done[FlagChanged]:
        """Change the flag."""

        async def decide(unit: Unit) -> FlagChanged:
            return await edit(unit, command, self.sets)

        done = await run(decide, lanes=[(FLAG, command.flag)])
        learn(self.sets, run, command.flag, done)
        return done


@dataclass(frozen=True)
class RevertFlagHandler:
    """Carries out `RevertFlag`: a change like any other, so what is reverted stays known."""

    sets: FlagSets

    async def __call__(self, command: RevertFlag, run: Run) -> Done[FlagChanged]:
        """Change the flag back."""

        async def decide(unit: Unit) -> FlagChanged:
            edits = edits_between(await unit.load(FLAG, command.flag), command.to)
            wanted = EditFlag(flag=command.flag, edits=edits, at=command.at)
            return await edit(unit, wanted, self.sets)

        done = await run(decide, lanes=[(FLAG, command.flag)])
        learn(self.sets, run, command.flag, done)
        return done


def learn(sets: FlagSets, run: Run, key: str, done: Done[FlagChanged]) -> None:
    """Let this process evaluate with what it has just recorded."""
    folded = Folded(done.version, done.result.flag)
    sets.learn(run.context.tenant, FLAG.category, key, folded, done.position.number)


class RemoveSegment(msgspec.Struct, frozen=True, kw_only=True):
    """Archive a segment that no flag uses."""

    segment: str
    at: datetime


@dataclass(frozen=True)
class DefineSegmentHandler:
    """Carries out `DefineSegment`."""

    sets: FlagSets

    async def __call__(self, command: DefineSegment, run: Run) -> Done[NoSegment | Segment]:
        """Define the segment."""

        async def decide(unit: Unit) -> NoSegment | Segment:
            return await unit.decide(SEGMENT, command.segment, command)

        done = await run(decide, lanes=[(SEGMENT, command.segment)])
        _learn_segment(self.sets, run, command.segment, done)
        return done


@dataclass(frozen=True)
class RemoveSegmentHandler:
    """Carries out `RemoveSegment`."""

    sets: FlagSets

    async def __call__(self, command: RemoveSegment, run: Run) -> Done[NoSegment | Segment]:
        """Archive the segment.

        Raises:
            SegmentInUse: naming the flags.
        """
        flags = (await self.sets.of(run.context.tenant)).flags
        used_by = [key for key, flag in flags.items() if command.segment in segments_used(flag)]

        async def decide(unit: Unit) -> NoSegment | Segment:
            archive = ArchiveSegment(segment=command.segment, used_by=used_by, at=command.at)
            return await unit.decide(SEGMENT, command.segment, archive)

        done = await run(decide, lanes=[(SEGMENT, command.segment)])
        _learn_segment(self.sets, run, command.segment, done)
        return done


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


def _learn_segment(sets: FlagSets, run: Run, name: str, done: Done[NoSegment | Segment]) -> None:
    folded = Folded(done.version, done.result)
    sets.learn(run.context.tenant, SEGMENT.category, name, folded, done.position.number)
