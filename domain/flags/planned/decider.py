"""What a planned change answers to a command, and what an event makes of it."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import assert_never

import msgspec

from domain.decider import Decider
from domain.flags.edits import Kill
from domain.flags.planned.commands import (
    ApproveFlagChange,
    CancelFlagChange,
    CarryOutStep,
    FailFlagChange,
    FlagChangeCommand,
    PauseFlagChange,
    ProposeFlagChange,
    RejectFlagChange,
    ResumeFlagChange,
)
from domain.flags.planned.events import (
    FlagChangeApproved,
    FlagChangeCancelled,
    FlagChangeCompleted,
    FlagChangeEvent,
    FlagChangeFailed,
    FlagChangePaused,
    FlagChangeProposed,
    FlagChangeRejected,
    FlagChangeResumed,
    FlagChangeStepCarriedOut,
    Step,
)
from domain.flags.planned.state import (
    CANCELLED,
    COMPLETED,
    FAILED,
    REJECTED,
    Ended,
    FlagChange,
    FlagChangeIdTaken,
    FlagChangeIsApproved,
    FlagChangeIsOver,
    FlagChangeIsPaused,
    FlagChangeWaitsForApproval,
    NoFlagChange,
    NoSuchFlagChange,
    Paused,
    Plan,
    Proposed,
    ProposerApproves,
    Running,
)
from domain.rejections import Fault, Invalid

JUST_NOW = timedelta(minutes=1)
"""A time that has passed no longer than this was meant: clocks differ, and requests take time."""


def decide(change: FlagChange, command: FlagChangeCommand) -> list[FlagChangeEvent]:
    """Answer a command with the events it causes."""
    if isinstance(command, ProposeFlagChange):
        return _propose(change, command)
    if isinstance(change, NoFlagChange):
        raise NoSuchFlagChange
    match command:
        case ApproveFlagChange():
            return _approve(change, command)
        case RejectFlagChange():
            return _reject(change, command)
        case CancelFlagChange():
            return _cancel(change, command)
        case PauseFlagChange():
            return [] if isinstance(change, Paused) else _pause(change)
        case ResumeFlagChange():
            return [] if isinstance(change, Running) else _resume(change, command)
        case CarryOutStep():
            return _carry_out(change, command)
        case FailFlagChange():
            return _fail(change, command)
        case _:
            assert_never(command)


def _propose(change: FlagChange, command: ProposeFlagChange) -> list[FlagChangeEvent]:
    if not isinstance(change, NoFlagChange):
        raise FlagChangeIdTaken
    _check_times(command)
    only_kills = all(isinstance(edit, Kill) for step in command.steps for edit in step.edits)
    needs_approval = command.protected and not only_kills
    return [
        FlagChangeProposed(
            flag=command.flag,
            drafted=command.drafted,
            steps=command.steps,
            reason=command.reason,
            proposer=command.proposer,
            needs_approval=needs_approval,
            next_at=None if needs_approval else _due(command.steps, 0, command.at),
        )
    ]


def _check_times(command: ProposeFlagChange) -> None:
    pointers = command.pointers or ("",) * len(command.steps)
    timed = [(step.at, pointers[n]) for n, step in enumerate(command.steps) if step.at is not None]
    faults = [
        Fault(pointer=pointer, code="past", detail="has passed already")
        for at, pointer in timed
        if at < command.at - JUST_NOW
    ]
    faults += [
        Fault(pointer=pointer, code="order", detail="is before the time of an earlier step")
        for (before, _), (at, pointer) in pairwise(timed)
        if at < before
    ]
    if faults:
        raise Invalid(*faults)


def _due(steps: tuple[Step, ...], done: int, since: datetime) -> datetime | None:
    """When the next step is due, if what came before it was done at `since`."""
    if done == len(steps) or steps[done].hold:
        return None
    step = steps[done]
    due = since + timedelta(seconds=step.pause)
    return due if step.at is None else max(due, step.at)


def _approve(
    change: Proposed | Running | Paused | Ended, command: ApproveFlagChange
) -> list[FlagChangeEvent]:
    if not isinstance(change, Proposed):
        if isinstance(change, Ended) and not change.approver:
            raise _over(change)
        return []
    if command.approver == change.plan.proposer:
        raise ProposerApproves
    next_at = _due(change.plan.steps, 0, command.at)
    return [FlagChangeApproved(approver=command.approver, next_at=next_at)]


def _reject(
    change: Proposed | Running | Paused | Ended, command: RejectFlagChange
) -> list[FlagChangeEvent]:
    match change:
        case Proposed():
            return [FlagChangeRejected(reason=command.reason)]
        case Ended():
            if change.outcome == REJECTED:
                return []
            raise _over(change)
        case _:
            raise FlagChangeIsApproved("Cancel it instead.")


def _cancel(
    change: Proposed | Running | Paused | Ended, command: CancelFlagChange
) -> list[FlagChangeEvent]:
    if not isinstance(change, Ended):
        return [FlagChangeCancelled(reason=command.reason)]
    if change.outcome == CANCELLED:
        return []
    raise _over(change)


def _pause(change: Proposed | Running | Ended) -> list[FlagChangeEvent]:
    match change:
        case Proposed():
            raise FlagChangeWaitsForApproval
        case Running():
            return [FlagChangePaused()]
        case Ended():
            raise _over(change)


def _resume(change: Proposed | Paused | Ended, command: ResumeFlagChange) -> list[FlagChangeEvent]:
    match change:
        case Proposed():
            raise FlagChangeWaitsForApproval
        case Paused():
            return [FlagChangeResumed(next_at=_due(change.plan.steps, change.done, command.at))]
        case Ended():
            raise _over(change)


def due_step(change: FlagChange, at: datetime, *, advanced: bool) -> Step | None:
    """The step that is to be carried out at a time; None: nothing is due.

    Raises:
        Conflict: somebody wants it `advanced`, and it is not for that.
    """
    if isinstance(change, Running):
        timely = change.next_at is not None and change.next_at <= at
        return change.plan.steps[change.done] if timely or advanced else None
    if not advanced:
        return None
    match change:
        case NoFlagChange():
            raise NoSuchFlagChange
        case Proposed():
            raise FlagChangeWaitsForApproval
        case Paused():
            raise FlagChangeIsPaused("Resume it first.")
        case Ended():
            raise _over(change)


def _carry_out(
    change: Proposed | Running | Paused | Ended, command: CarryOutStep
) -> list[FlagChangeEvent]:
    if due_step(change, command.at, advanced=command.advanced) is None:
        return []
    assert isinstance(change, Running)  # noqa: S101 - nothing else has a step that is due
    done = change.done + 1
    next_at = _due(change.plan.steps, done, command.at)
    carried_out = FlagChangeStepCarriedOut(step=done, next_at=next_at)
    if done < len(change.plan.steps):
        return [carried_out]
    return [carried_out, FlagChangeCompleted()]


def _fail(
    change: Proposed | Running | Paused | Ended, command: FailFlagChange
) -> list[FlagChangeEvent]:
    if not isinstance(change, Running):
        return []
    return [FlagChangeFailed(step=change.done + 1, failure=command.failure)]


def _over(change: Ended) -> FlagChangeIsOver:
    return FlagChangeIsOver(f"The change is {change.outcome}.", state=change.outcome)


def evolve(change: FlagChange, event: FlagChangeEvent) -> FlagChange:
    """The change after an event."""
    if isinstance(event, FlagChangeProposed):
        return _proposed(event)
    if isinstance(change, NoFlagChange):
        return change
    plan, approver, done = change.plan, "", 0
    if not isinstance(change, Proposed):
        approver, done = change.approver, change.done
    match event:
        case FlagChangeApproved():
            return Running(plan=plan, approver=event.approver, done=0, next_at=event.next_at)
        case FlagChangeStepCarriedOut():
            return Running(plan=plan, approver=approver, done=event.step, next_at=event.next_at)
        case FlagChangePaused():
            return Paused(plan=plan, approver=approver, done=done)
        case FlagChangeResumed():
            return Running(plan=plan, approver=approver, done=done, next_at=event.next_at)
        case _:
            return _ended(Ended(plan=plan, approver=approver, done=done, outcome=COMPLETED), event)


def _ended(
    ended: Ended,
    event: FlagChangeRejected | FlagChangeCancelled | FlagChangeFailed | FlagChangeCompleted,
) -> Ended:
    replace = msgspec.structs.replace
    match event:
        case FlagChangeRejected():
            return replace(ended, outcome=REJECTED, reason=event.reason)
        case FlagChangeCancelled():
            return replace(ended, outcome=CANCELLED, reason=event.reason)
        case FlagChangeFailed():
            return replace(ended, outcome=FAILED, failure=event.failure)
        case FlagChangeCompleted():
            return ended
        case _:
            assert_never(event)


def _proposed(event: FlagChangeProposed) -> Proposed | Running:
    plan = Plan(
        flag=event.flag,
        drafted=event.drafted,
        steps=event.steps,
        reason=event.reason,
        proposer=event.proposer,
    )
    if event.needs_approval:
        return Proposed(plan=plan)
    return Running(plan=plan, approver="", done=0, next_at=event.next_at)


FLAG_CHANGE: Decider[FlagChange, FlagChangeCommand, FlagChangeEvent] = Decider(
    category="flag-change",
    events=FlagChangeEvent,
    initial=NoFlagChange(),
    decide=decide,
    evolve=evolve,
)
