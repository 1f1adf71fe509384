"""Planned changes of flags: proposing one, deciding about it, and carrying out what is due of it.

A step is one append: the change's events and the flag's own, so that it happens once, however many
schedulers and people want it at the same time. What the flag refuses is an end of the change, not
of the command: the change has failed then, and says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args
from uuid import UUID

import msgspec

from application.bus import Handler, Run
from application.current import CurrentStates
from application.flags.changes import EditFlag, edit, pointing_at
from application.flags.drafts import DraftIsOld, beside, check_overtaken
from application.flags.flag_sets import FlagSets
from application.states import Folded
from application.unit import Done, Unit
from domain.flags.commands import NoSuchFlag
from domain.flags.decider import FLAG
from domain.flags.differences import edits_between
from domain.flags.edits import Describe
from domain.flags.planned import (
    FLAG_CHANGE,
    ApproveFlagChange,
    CancelFlagChange,
    CarryOutStep,
    FailFlagChange,
    Failure,
    FlagChange,
    NoFlagChange,
    PauseFlagChange,
    ProposeFlagChange,
    RejectFlagChange,
    ResumeFlagChange,
    Running,
    Step,
    due_step,
)
from domain.flags.state import Flag, NoFlag
from domain.rejections import Fault, Invalid, Rejection

Decision = (
    ApproveFlagChange | RejectFlagChange | CancelFlagChange | PauseFlagChange | ResumeFlagChange
)


class Pointers(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the request a step stands: its time, and each of its edits.

    `elsewhere` has, by where a fault would be found, where the request has what is at fault.
    """

    at: str
    edits: tuple[str, ...]
    elsewhere: Mapping[str, str] = {}


class ProposeChange(msgspec.Struct, frozen=True, kw_only=True):
    """Want a flag changed; what is due at once is carried out at once.

    `version` is the flag's that the caller had in mind, where they say so. A step that is one of
    `reverts` (by its index) gets the edits that make the flag that again, from what it is and what
    the steps before make of it: who approves sees them.
    """

    flag: str
    steps: tuple[Step, ...]
    pointers: tuple[Pointers, ...]
    reverts: Mapping[int, Flag] = {}
    version: int | None
    reason: str
    at: datetime


class CarryOutChange(msgspec.Struct, frozen=True, kw_only=True):
    """Carry out what is due of a change; with `advanced` its next step, whatever it waits for."""

    change: str
    advanced: bool = False
    at: datetime


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A change as it is after a command, and its flag, where that was looked at."""

    id: str
    version: int
    change: FlagChange
    flag: Folded | None


@dataclass(frozen=True)
class Steps:
    """Carries out steps."""

    sets: FlagSets
    current: CurrentStates

    async def carry_out(
        self, unit: Unit, id_: str, at: datetime, *, advanced: bool = False
    ) -> Planned:
        """Whatever is due of a change, step by step; how it and the flag are then.

        Raises:
            Conflict: it is to be advanced, and is not for that.
        """
        change: FlagChange = await unit.load(FLAG_CHANGE, id_)
        flag = None
        while (step := due_step(change, at, advanced=advanced)) is not None:
            assert isinstance(change, Running)  # noqa: S101 - or nothing was due
            key = change.plan.flag
            change = await self._step(unit, id_, change, step, at=at, advanced=advanced)
            flag = Folded(unit.version(FLAG, key), await unit.load(FLAG, key))
            advanced = False
        version = unit.version(FLAG_CHANGE, id_)
        return Planned(id=id_, version=version, change=change, flag=flag)

    async def _step(
        self, unit: Unit, id_: str, change: Running, step: Step, *, at: datetime, advanced: bool
    ) -> FlagChange:
        """One step. What it is refused on is guarded, as what it changes is."""
        flag = change.plan.flag
        now = await unit.guard(FLAG, flag)
        wanted = EditFlag(
            flag=flag,
            edits=step.edits,
            pointers=_places(change.done, step),
            approved=bool(change.approver),
            at=at,
        )
        try:
            await check_overtaken(self.current, unit, change, now, at)
            await edit(beside(unit), wanted, self.sets)  # what others refuse leaves nothing behind
        except Rejection as rejection:
            fail = FailFlagChange(change=id_, failure=_failure(rejection), at=at)
            return await unit.decide(FLAG_CHANGE, id_, fail)
        await edit(unit, wanted, self.sets)
        carried_out = CarryOutStep(change=id_, advanced=advanced, at=at)
        return await unit.decide(FLAG_CHANGE, id_, carried_out)


def _places(index: int, step: Step) -> tuple[str, ...]:
    """Where the edits of a step stand in the change."""
    return tuple(
        f"/steps/{index}/edits/{number}{'/about' if isinstance(each, Describe) else ''}"
        for number, each in enumerate(step.edits)
    )


def _failure(rejection: Rejection) -> Failure:
    faults = rejection.faults if isinstance(rejection, Invalid) else ()
    return Failure(code=rejection.slug, detail=rejection.detail, faults=faults)


@dataclass(frozen=True)
class ProposeChangeHandler:
    """Carries out `ProposeChange`."""

    steps: Steps
    new_id: Callable[[], UUID]

    async def __call__(self, command: ProposeChange, run: Run) -> Done[Planned]:
        """Propose it, if the flag as it is would answer every step.

        Raises:
            DraftIsOld: the flag has another version.
            Rejection: as the flag's decider does, with pointers into the request.
        """
        id_ = str(self.new_id())

        async def decide(unit: Unit) -> Planned:
            flag = await unit.guard(FLAG, command.flag)
            if isinstance(flag, NoFlag):
                raise NoSuchFlag(f"There is no flag named {command.flag}.", flag=command.flag)
            version = unit.version(FLAG, command.flag)
            if command.version not in (None, version):
                detail = f"The current version is {version}; read it again."
                raise DraftIsOld(detail, version=version)
            steps = await self._tried_out(unit, command)
            propose = ProposeFlagChange(
                flag=command.flag,
                drafted=version,
                protected=flag.about.protected,
                steps=steps,
                reason=command.reason,
                proposer=unit.context.actor,
                pointers=tuple(each.at for each in command.pointers),
                at=command.at,
            )
            unit.begin(FLAG_CHANGE, id_, propose)
            return await self.steps.carry_out(unit, id_, command.at)

        done = await run(decide, lanes=[(FLAG, command.flag)])
        return _learnt(self.steps.sets, run, done)

    async def _tried_out(self, unit: Unit, command: ProposeChange) -> tuple[Step, ...]:
        """The steps, which the flag has answered one behind the other; nothing is recorded."""
        trial = beside(unit)
        steps: list[Step] = []
        for step, pointers in zip(command.steps, command.pointers, strict=True):
            then = command.reverts.get(len(steps))
            places = pointers.edits
            if then is not None:
                edits = edits_between(await trial.load(FLAG, command.flag), then)
                step = msgspec.structs.replace(step, edits=edits)  # noqa: PLW2901 - the same, complete
                places = ("",) * len(edits)
            wanted = EditFlag(
                flag=command.flag,
                edits=step.edits,
                pointers=places,
                approved=True,
                at=command.at,
            )
            try:
                await edit(trial, wanted, self.steps.sets)
            except Invalid as invalid:
                if then is not None:  # whatever is wrong is wrong with that version
                    [place] = pointers.edits
                    raise pointing_at(place, invalid) from None
                raise Invalid(*(_placed(fault, pointers) for fault in invalid.faults)) from None
            steps.append(step)
        return tuple(steps)


def _placed(fault: Fault, pointers: Pointers) -> Fault:
    pointer = pointers.elsewhere.get(fault.pointer, fault.pointer)
    return msgspec.structs.replace(fault, pointer=pointer)


@dataclass(frozen=True)
class DecideAboutChange:
    """Carries out what people decide about a change; what becomes due by that is carried out."""

    steps: Steps

    async def __call__(self, command: Decision, run: Run) -> Done[Planned]:
        """Decide."""

        async def decide(unit: Unit) -> Planned:
            await unit.decide(FLAG_CHANGE, command.change, command)
            return await self.steps.carry_out(unit, command.change, command.at)

        done = await run(decide, lanes=[(FLAG_CHANGE, command.change)])
        return _learnt(self.steps.sets, run, done)


@dataclass(frozen=True)
class CarryOutChangeHandler:
    """Carries out `CarryOutChange`."""

    steps: Steps

    async def __call__(self, command: CarryOutChange, run: Run) -> Done[Planned]:
        """Carry out what is due, unless somebody else has."""

        async def decide(unit: Unit) -> Planned:
            return await self.steps.carry_out(
                unit, command.change, command.at, advanced=command.advanced
            )

        done = await run(decide, lanes=[(FLAG_CHANGE, command.change)])
        return _learnt(self.steps.sets, run, done)


def _learnt(sets: FlagSets, run: Run, done: Done[Planned]) -> Done[Planned]:
    """Let this process evaluate with what it has just recorded."""
    change, flag = done.result.change, done.result.flag
    if flag is not None and not isinstance(change, NoFlagChange):
        position = done.position.number
        sets.learn(run.context.tenant, FLAG.category, change.plan.flag, flag, position)
    return done


def handlers(
    sets: FlagSets, current: CurrentStates, new_id: Callable[[], UUID]
) -> Mapping[type[Any], Handler[Any, Any]]:
    """The handler of every command on planned changes."""
    steps = Steps(sets, current)
    decided = DecideAboutChange(steps)
    return {
        ProposeChange: ProposeChangeHandler(steps, new_id),
        CarryOutChange: CarryOutChangeHandler(steps),
        **dict.fromkeys(get_args(Decision), decided),
    }
