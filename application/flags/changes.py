"""Changing one flag or segment: what its decision needs to know of others is loaded and guarded."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.flags.flag_sets import FlagSets
from application.flags.needs import begin_needs, check_archiving, flags_with_segment
from application.flags.relations import (
    Touched,
    check_revived,
    faults_of_prerequisites,
    known_segments,
    protected_by_segment,
    segments_of,
)
from application.states import Folded
from application.unit import Done, Unit
from domain.flags.commands import ChangeFlag
from domain.flags.decider import FLAG
from domain.flags.differences import edits_between
from domain.flags.edits import Describe, Edit
from domain.flags.segments import SEGMENT, ArchiveSegment, DefineSegment
from domain.flags.state import Flag, NoFlag, NoSegment, Segment
from domain.rejections import Invalid


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


async def edit(unit: Unit, command: EditFlag, sets: FlagSets) -> FlagChanged:
    """Let a flag answer edits, knowing the segments and the flags that these name.

    Raises:
        Rejection: as the flag's decider does; FlagIsNeeded, SegmentsAreGone,
            PrerequisitesAreArchived, or Invalid where a prerequisite is unknown, archived, or leads
            back to the flag.
    """
    key = command.flag
    changed = {key: await decided(unit, command)}
    faults = await faults_of_prerequisites(unit, changed)
    if faults:
        pointer = _pointer_of_description(command)
        raise Invalid(
            *(msgspec.structs.replace(each, pointer=pointer + each.pointer) for _, each in faults)
        )
    await check_archiving(unit, changed, sets)
    await check_revived(unit, changed)
    await begin_needs(unit, changed, command.at)
    return FlagChanged(flag=changed[key].after, created=isinstance(changed[key].before, NoFlag))


async def decided(unit: Unit, command: EditFlag) -> Touched:
    """Let a flag answer edits, as far as that is its own affair.

    Raises:
        Rejection: as the flag's decider does.
    """
    before = await unit.load(FLAG, command.flag)
    named = {name for each in command.edits for name in segments_of(each)}
    change = ChangeFlag(
        flag=command.flag,
        edits=command.edits,
        segments=await known_segments(unit, named),
        approved=command.approved,
        foreign=command.foreign,
        pointers=command.pointers,
        at=command.at,
    )
    return Touched(before=before, after=await unit.decide(FLAG, command.flag, change))


def _pointer_of_description(command: EditFlag) -> str:
    pointers = command.pointers or ("",) * len(command.edits)
    edits = zip(command.edits, pointers, strict=True)
    return next((place for each, place in edits if isinstance(each, Describe)), "")


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
        """Change the flag back.

        Raises:
            Rejection: as `edit` does; what that version needs and is gone is a fault of `/version`.
        """

        async def decide(unit: Unit) -> FlagChanged:
            edits = edits_between(await unit.load(FLAG, command.flag), command.to)
            wanted = EditFlag(flag=command.flag, edits=edits, at=command.at)
            try:
                return await edit(unit, wanted, self.sets)
            except Invalid as invalid:
                raise pointing_at("/version", invalid) from None

        done = await run(decide, lanes=[(FLAG, command.flag)])
        learn(self.sets, run, command.flag, done)
        return done


def pointing_at(place: str, invalid: Invalid) -> Invalid:
    """The same faults, all at one place of the request."""
    return Invalid(*(msgspec.structs.replace(each, pointer=place) for each in invalid.faults))


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
        """Define the segment.

        Raises:
            SegmentIsProtected: naming the flags.
        """

        async def decide(unit: Unit) -> NoSegment | Segment:
            protected = protected_by_segment((await self.sets.newest(run.context.tenant)).flags)
            define = msgspec.structs.replace(command, protected=protected.get(command.segment, ()))
            return await unit.decide(SEGMENT, command.segment, define)

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

        async def decide(unit: Unit) -> NoSegment | Segment:
            await unit.load(SEGMENT, command.segment)
            used_by = await flags_with_segment(unit, command.segment, self.sets)
            archive = ArchiveSegment(segment=command.segment, used_by=used_by, at=command.at)
            return await unit.decide(SEGMENT, command.segment, archive)

        done = await run(decide, lanes=[(SEGMENT, command.segment)])
        _learn_segment(self.sets, run, command.segment, done)
        return done


def _learn_segment(sets: FlagSets, run: Run, name: str, done: Done[NoSegment | Segment]) -> None:
    folded = Folded(done.version, done.result)
    sets.learn(run.context.tenant, SEGMENT.category, name, folded, done.position.number)
