"""What a planned change answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.decider import Event
from domain.flags.edits import Edit, Enable, Kill
from domain.flags.planned import (
    FLAG_CHANGE,
    ApproveFlagChange,
    CancelFlagChange,
    CarryOutStep,
    FailFlagChange,
    Failure,
    FlagChangeApproved,
    FlagChangeCancelled,
    FlagChangeCommand,
    FlagChangeCompleted,
    FlagChangeFailed,
    FlagChangeIdTaken,
    FlagChangeIsApproved,
    FlagChangeIsOver,
    FlagChangeIsPaused,
    FlagChangePaused,
    FlagChangeProposed,
    FlagChangeRejected,
    FlagChangeResumed,
    FlagChangeStepCarriedOut,
    FlagChangeWaitsForApproval,
    NoSuchFlagChange,
    PauseFlagChange,
    ProposeFlagChange,
    ProposerApproves,
    RejectFlagChange,
    ResumeFlagChange,
    Step,
)
from domain.rejections import Invalid, Rejection
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENABLE: tuple[Edit, ...] = (Enable(environment="default"),)
NOW, LATER, HELD = Step(edits=ENABLE), Step(edits=ENABLE, pause=3600), Step(edits=ENABLE, hold=True)
FAILURE = Failure(code="flag-is-archived", detail="The flag is archived")


def proposed(
    *steps: Step, next_at: datetime | None = AT, needs_approval: bool = False
) -> FlagChangeProposed:
    return FlagChangeProposed(
        flag="beta",
        drafted=3,
        steps=steps,
        reason="",
        proposer="account/a",
        needs_approval=needs_approval,
        next_at=next_at,
    )


WAITING = proposed(NOW, needs_approval=True, next_at=None)
APPROVED = FlagChangeApproved(approver="account/b", next_at=AT)
FIRST = FlagChangeStepCarriedOut(step=1, next_at=AT + HOUR)
COMPLETED = FlagChangeCompleted()


def propose(*steps: Step, protected: bool = False, pointers: Any = ()) -> ProposeFlagChange:
    return ProposeFlagChange(
        flag="beta",
        drafted=3,
        protected=protected,
        steps=steps,
        reason="",
        proposer="account/a",
        pointers=pointers,
        at=AT,
    )


def approve(approver: str = "account/b", at: datetime = AT) -> ApproveFlagChange:
    return ApproveFlagChange(change="c", approver=approver, at=at)


def carry_out(at: datetime = AT, *, advanced: bool = False) -> CarryOutStep:
    return CarryOutStep(change="c", advanced=advanced, at=at)


REJECT = RejectFlagChange(change="c", reason="too early", at=AT)
CANCEL = CancelFlagChange(change="c", reason="no more", at=AT)
PAUSE, RESUME = PauseFlagChange(change="c", at=AT), ResumeFlagChange(change="c", at=AT)
FAIL = FailFlagChange(change="c", failure=FAILURE, at=AT)


# proposed


@pytest.mark.parametrize(
    ("step", "next_at"),
    [
        (NOW, AT),
        (LATER, AT + HOUR),
        (HELD, None),
        (Step(edits=ENABLE, at=AT + 2 * HOUR), AT + 2 * HOUR),
        (Step(edits=ENABLE, at=AT + 2 * HOUR, pause=60), AT + 2 * HOUR),
        (Step(edits=ENABLE, at=AT + HOUR, pause=7200), AT + 2 * HOUR),
        (Step(edits=ENABLE, at=AT - timedelta(seconds=30)), AT),
    ],
)
def test_the_first_step_is_due_behind_its_pause_and_not_before_its_time(
    step: Step, next_at: datetime | None
) -> None:
    given(FLAG_CHANGE).when(propose(step)).then(proposed(step, next_at=next_at))


def test_a_change_of_a_protected_flag_waits_for_approval() -> None:
    given(FLAG_CHANGE).when(propose(NOW, protected=True)).then(WAITING)


def test_a_kill_switch_needs_no_approval() -> None:
    kill = Step(edits=(Kill(),))
    given(FLAG_CHANGE).when(propose(kill, protected=True)).then(proposed(kill))
    both = Step(edits=(Kill(), *ENABLE))
    expected = proposed(both, needs_approval=True, next_at=None)
    given(FLAG_CHANGE).when(propose(both, protected=True)).then(expected)


def test_times_that_have_passed_or_go_back_are_refused_where_they_stand() -> None:
    steps = [
        Step(edits=ENABLE, at=AT + HOUR),
        NOW,
        Step(edits=ENABLE, at=AT + HOUR / 2),
        Step(edits=ENABLE, at=AT - HOUR),
    ]
    command = propose(*steps, pointers=("/at", "", "/steps/2/at", "/steps/3/at"))
    refused = given(FLAG_CHANGE).when(command).refused(Invalid)
    assert isinstance(refused, Invalid)
    assert [(fault.pointer, fault.code) for fault in refused.faults] == [
        ("/steps/3/at", "past"),
        ("/steps/2/at", "order"),
        ("/steps/3/at", "order"),
    ]


def test_an_id_is_used_once() -> None:
    given(FLAG_CHANGE, WAITING).when(propose(NOW)).refused(FlagChangeIdTaken)


# approval


def test_somebody_else_approves() -> None:
    given(FLAG_CHANGE, WAITING).when(approve()).then(APPROVED)
    given(FLAG_CHANGE, WAITING).when(approve("account/a")).refused(ProposerApproves)


def test_the_first_pause_begins_with_the_approval() -> None:
    waiting = proposed(LATER, needs_approval=True, next_at=None)
    approved = FlagChangeApproved(approver="account/b", next_at=AT + 4 * HOUR)
    given(FLAG_CHANGE, waiting).when(approve(at=AT + 3 * HOUR)).then(approved)


@pytest.mark.parametrize(
    "history", [[WAITING, APPROVED], [WAITING, APPROVED, FIRST, COMPLETED], [proposed(NOW)]]
)
def test_approving_again_or_in_vain_changes_nothing(history: list[Event]) -> None:
    given(FLAG_CHANGE, *history).when(approve()).then()


def test_what_is_rejected_is_over() -> None:
    rejected = FlagChangeRejected(reason="too early")
    given(FLAG_CHANGE, WAITING).when(REJECT).then(rejected)
    given(FLAG_CHANGE, WAITING, rejected).when(REJECT).then()
    given(FLAG_CHANGE, WAITING, rejected).when(approve()).refused(FlagChangeIsOver)


@pytest.mark.parametrize("history", [[proposed(NOW)], [WAITING, APPROVED]])
def test_what_does_not_wait_for_approval_is_not_rejected(history: list[Event]) -> None:
    given(FLAG_CHANGE, *history).when(REJECT).refused(FlagChangeIsApproved)


# steps


def test_a_step_that_is_due_leads_to_the_next_one() -> None:
    change = proposed(NOW, LATER)
    done = FlagChangeStepCarriedOut(step=1, next_at=AT + 3 * HOUR)
    given(FLAG_CHANGE, change).when(carry_out(AT + 2 * HOUR)).then(done)
    last = FlagChangeStepCarriedOut(step=2, next_at=None)
    given(FLAG_CHANGE, change, FIRST).when(carry_out(AT + HOUR)).then(last, COMPLETED)


def test_a_step_that_is_not_due_is_not_carried_out() -> None:
    early = carry_out(AT + HOUR - timedelta(microseconds=1))
    given(FLAG_CHANGE, proposed(NOW, LATER), FIRST).when(early).then()
    held = FlagChangeStepCarriedOut(step=1, next_at=None)
    given(FLAG_CHANGE, proposed(NOW, HELD), held).when(carry_out(AT + 99 * HOUR)).then()


def test_somebody_can_have_the_next_step_at_once() -> None:
    advance = carry_out(advanced=True)
    last = FlagChangeStepCarriedOut(step=2, next_at=None)
    given(FLAG_CHANGE, proposed(NOW, LATER), FIRST).when(advance).then(last, COMPLETED)
    held = FlagChangeStepCarriedOut(step=1, next_at=None)
    given(FLAG_CHANGE, proposed(NOW, HELD), held).when(advance).then(last, COMPLETED)


@pytest.mark.parametrize(
    ("history", "rejection"),
    [
        ([], NoSuchFlagChange),
        ([WAITING], FlagChangeWaitsForApproval),
        ([proposed(LATER), FlagChangePaused()], FlagChangeIsPaused),
        ([proposed(LATER), FlagChangeCancelled(reason="")], FlagChangeIsOver),
    ],
)
def test_what_does_not_run_is_carried_out_by_nobody(
    history: list[Event], rejection: type[Rejection]
) -> None:
    given(FLAG_CHANGE, *history).when(carry_out(advanced=True)).refused(rejection)
    if history:
        given(FLAG_CHANGE, *history).when(carry_out(AT + 99 * HOUR)).then()


def test_what_the_flag_refuses_ends_the_change() -> None:
    failed = FlagChangeFailed(step=2, failure=FAILURE)
    given(FLAG_CHANGE, proposed(NOW, LATER), FIRST).when(FAIL).then(failed)
    given(FLAG_CHANGE, proposed(NOW, LATER), FIRST, failed).when(FAIL).then()


# paused, cancelled


def test_a_pause_begins_anew_when_the_change_is_resumed() -> None:
    history = [proposed(NOW, LATER), FIRST, FlagChangePaused()]
    given(FLAG_CHANGE, *history[:2]).when(PAUSE).then(FlagChangePaused())
    given(FLAG_CHANGE, *history).when(PAUSE).then()
    resumed = FlagChangeResumed(next_at=AT + HOUR)
    given(FLAG_CHANGE, *history).when(RESUME).then(resumed)
    given(FLAG_CHANGE, *history, resumed).when(RESUME).then()


@pytest.mark.parametrize("command", [PAUSE, RESUME])
@pytest.mark.parametrize(
    ("history", "rejection"),
    [
        ([WAITING], FlagChangeWaitsForApproval),
        ([proposed(NOW), FlagChangeCancelled(reason="")], FlagChangeIsOver),
    ],
)
def test_only_what_runs_is_paused_and_resumed(
    command: FlagChangeCommand, history: list[Event], rejection: type[Rejection]
) -> None:
    given(FLAG_CHANGE, *history).when(command).refused(rejection)


@pytest.mark.parametrize(
    "history",
    [[WAITING], [proposed(LATER)], [proposed(NOW, LATER), FIRST, FlagChangePaused()]],
)
def test_everything_that_is_not_over_can_be_cancelled(history: list[Event]) -> None:
    cancelled = FlagChangeCancelled(reason="no more")
    given(FLAG_CHANGE, *history).when(CANCEL).then(cancelled)
    given(FLAG_CHANGE, *history, cancelled).when(CANCEL).then()


def test_what_has_ended_otherwise_is_not_cancelled() -> None:
    given(FLAG_CHANGE, proposed(NOW), FIRST, COMPLETED).when(CANCEL).refused(FlagChangeIsOver)


@pytest.mark.parametrize("command", [approve(), REJECT, CANCEL, PAUSE, RESUME, FAIL])
def test_nothing_is_decided_about_what_nobody_proposed(command: FlagChangeCommand) -> None:
    given(FLAG_CHANGE).when(command).refused(NoSuchFlagChange)
