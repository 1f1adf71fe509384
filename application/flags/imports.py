"""Importing a whole set of flags: planned, then carried out whole or not at all."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from application.bus import Run
from application.flags.changes import EditFlag, decided
from application.flags.flag_set import FlagSet
from application.flags.flag_sets import FlagSets
from application.flags.needs import begin_needs, check_archiving
from application.flags.relations import (
    Touched,
    check_revived,
    faults_of_prerequisites,
    protected_by_segment,
)
from application.states import Folded
from application.unit import Done, Unit
from domain.decider import Decider
from domain.flags.decider import FLAG
from domain.flags.documents import FlagSet as Document
from domain.flags.importing import Mode, Plan, plan_import
from domain.flags.segments import SEGMENT, DefineSegment
from domain.rejections import Fault, Invalid

MOST_FAULTS = 100

AT_ONCE = 25
"""Flags that are looked at before other requests get their turn."""


class ImportFlags(msgspec.Struct, frozen=True, kw_only=True):
    """Let flags be in one environment as a document has them.

    `places` are pointers to where in the request the flags stand.
    """

    document: Document
    places: Mapping[str, str]
    environment: str
    mode: Mode
    at: datetime


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What was planned, and the flags and segments as they are after it."""

    plan: Plan
    flags: dict[str, Folded]
    segments: dict[str, Folded]


@dataclass(frozen=True)
class ImportFlagsHandler:
    """Carries out `ImportFlags` in one append."""

    sets: FlagSets

    async def __call__(self, command: ImportFlags, run: Run) -> Done[Imported]:
        """Import.

        Raises:
            Rejection: as the flags' and the segments' deciders do; nothing was changed.
        """
        flags = await self.sets.of(run.context.tenant)

        async def decide(unit: Unit) -> Imported:
            return await carry_out(unit, command, flags, self.sets)

        lanes = [(FLAG, key) for key in sorted(command.document.flags)]
        done = await run(decide, lanes=lanes)
        tenant, position = run.context.tenant, done.position.number
        for name, folded in done.result.segments.items():
            self.sets.learn(tenant, SEGMENT.category, name, folded, position)
        for key, folded in done.result.flags.items():
            self.sets.learn(tenant, FLAG.category, key, folded, position)
        return done


async def carry_out(unit: Unit, command: ImportFlags, flags: FlagSet, sets: FlagSets) -> Imported:
    """Plan on what the process keeps, which the append verifies, and decide.

    Raises:
        Invalid: with what is wrong of each flag.
        Rejection: the first other one of a decider.
    """
    plan = await asyncio.to_thread(
        plan_import,
        flags.flags,
        flags.segments,
        command.document,
        environment=command.environment,
        mode=command.mode,
    )
    for key in plan.flags:
        unit.assume(FLAG, key, flags.flag(key) or Folded(0, FLAG.initial))
    protected = protected_by_segment(flags.flags) if plan.segments else {}
    for name, segment in plan.segments.items():
        define = DefineSegment(
            segment=name,
            description=segment.description,
            condition=segment.condition,
            protected=protected.get(name, ()),
            at=command.at,
        )
        await unit.decide(SEGMENT, name, define)
    broken = _broken(command, plan, flags)
    if broken:
        raise Invalid(*broken[:MOST_FAULTS])
    new = [key for key in plan.flags if flags.flag(key) is None]
    faults: list[tuple[str, Fault]] = []
    touched: dict[str, Touched] = {}
    for number, (key, edits) in enumerate(plan.flags.items()):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
        change = EditFlag(flag=key, edits=edits, foreign=True, at=command.at)
        try:
            touched[key] = await decided(unit, change)
        except Invalid as invalid:
            faults += ((key, each) for each in invalid.faults)
    faults = faults or await faults_of_prerequisites(unit, touched, lenient=new)
    if faults:
        raise Invalid(
            *(
                msgspec.structs.replace(each, pointer=command.places.get(key, ""))
                for key, each in faults[:MOST_FAULTS]
            )
        )
    await check_archiving(unit, touched, sets)
    await check_revived(unit, touched)
    await begin_needs(unit, touched, command.at)
    return Imported(
        plan=plan,
        flags={key: await _after(unit, FLAG, key) for key in plan.flags},
        segments={name: await _after(unit, SEGMENT, name) for name in plan.segments},
    )


def _broken(command: ImportFlags, plan: Plan, flags: FlagSet) -> list[Fault]:
    """What would break flags that are set up there now, said with pointers into the request."""
    return [
        msgspec.structs.replace(fault, pointer=f"/document{fault.pointer}")
        for key, imported in command.document.flags.items()
        if key in plan.flags and command.environment in flags.environments_of(key)
        for fault in imported.faults
    ]


async def _after(unit: Unit, decider: Decider[Any, Any, Any], name: str) -> Folded:
    return Folded(unit.version(decider, name), await unit.load(decider, name))
