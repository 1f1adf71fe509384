"""Whatever is asked of a planned change, in whatever order, its history makes sense."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.flags.edits import Edit, Enable
from domain.flags.planned import (
    FLAG_CHANGE,
    ApproveFlagChange,
    CancelFlagChange,
    CarryOutStep,
    Ended,
    FailFlagChange,
    Failure,
    FlagChangeApproved,
    FlagChangeCommand,
    FlagChangeCompleted,
    FlagChangeEvent,
    FlagChangeProposed,
    FlagChangeStepCarriedOut,
    NoFlagChange,
    PauseFlagChange,
    ProposeFlagChange,
    ProposerApproves,
    RejectFlagChange,
    ResumeFlagChange,
    Running,
    Step,
    due_step,
)
from domain.rejections import Conflict

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENABLE: tuple[Edit, ...] = (Enable(environment="default"),)
FAILURE = Failure(code="flag-is-archived", detail="The flag is archived")
PROPOSED = FlagChangeProposed(
    flag="beta",
    drafted=3,
    steps=(Step(edits=ENABLE), Step(edits=ENABLE, pause=3600)),
    reason="",
    proposer="account/a",
    needs_approval=False,
    next_at=AT,
)
MOMENTS = st.integers(0, 48).map(lambda hours: AT + hours * HOUR)
STEPS = st.builds(
    Step,
    edits=st.just(ENABLE),
    at=st.none() | MOMENTS,
    pause=st.sampled_from([0.0, 3600.0]),
    hold=st.booleans(),
)
TEXTS = st.sampled_from(["", "why"])
ACTORS = st.sampled_from(["account/a", "account/b"])
COMMANDS: st.SearchStrategy[FlagChangeCommand] = st.one_of(
    st.builds(ApproveFlagChange, change=st.just("c"), approver=ACTORS, at=MOMENTS),
    st.builds(RejectFlagChange, change=st.just("c"), reason=TEXTS, at=MOMENTS),
    st.builds(CancelFlagChange, change=st.just("c"), reason=TEXTS, at=MOMENTS),
    st.builds(PauseFlagChange, change=st.just("c"), at=MOMENTS),
    st.builds(ResumeFlagChange, change=st.just("c"), at=MOMENTS),
    st.builds(CarryOutStep, change=st.just("c"), advanced=st.booleans(), at=MOMENTS),
    st.builds(FailFlagChange, change=st.just("c"), failure=st.just(FAILURE), at=MOMENTS),
)
PROPOSALS = st.builds(
    ProposeFlagChange,
    flag=st.just("beta"),
    drafted=st.integers(1, 9),
    protected=st.booleans(),
    steps=st.lists(STEPS, min_size=1, max_size=4).map(
        lambda steps: tuple(sorted(steps, key=lambda step: step.at or AT))
    ),
    reason=TEXTS,
    proposer=ACTORS,
    at=st.just(AT),
)
EVENTS: st.SearchStrategy[FlagChangeEvent] = st.one_of(
    *(
        st.from_type(type_)
        for type_ in get_args(FlagChangeEvent)
        if type_ is not FlagChangeProposed
    ),
    st.just(PROPOSED),
)


@for_all(st.lists(EVENTS, max_size=8))
def test_any_events_in_any_order_fold(events: list[FlagChangeEvent]) -> None:
    change = FLAG_CHANGE.fold(events)
    if not any(isinstance(each, FlagChangeProposed) for each in events):
        assert change == NoFlagChange()


@for_all(PROPOSALS, st.lists(COMMANDS, max_size=20))
def test_steps_are_carried_out_in_order_once_and_only_with_approval(
    proposal: ProposeFlagChange, commands: list[FlagChangeCommand]
) -> None:
    history: list[FlagChangeEvent] = FLAG_CHANGE.decide(NoFlagChange(), proposal)
    for command in commands:
        change = FLAG_CHANGE.fold(history)
        try:
            history += FLAG_CHANGE.decide(change, command)
        except (Conflict, ProposerApproves):
            assert FLAG_CHANGE.fold(history) == change
    steps = [each.step for each in history if isinstance(each, FlagChangeStepCarriedOut)]
    assert steps == list(range(1, len(steps) + 1))
    ends = [
        n for n, each in enumerate(history) if isinstance(FLAG_CHANGE.fold(history[: n + 1]), Ended)
    ]
    assert ends in ([], [len(history) - 1])
    approvals = [each for each in history if isinstance(each, FlagChangeApproved)]
    assert all(each.approver != proposal.proposer for each in approvals)
    if proposal.protected and steps:
        assert len(approvals) == 1
    completed = any(isinstance(each, FlagChangeCompleted) for each in history)
    assert completed == (len(steps) == len(proposal.steps))


@for_all(PROPOSALS, st.lists(COMMANDS, max_size=20), MOMENTS)
def test_what_a_clock_is_told_is_when_something_is_due(
    proposal: ProposeFlagChange, commands: list[FlagChangeCommand], at: datetime
) -> None:
    change: Any = FLAG_CHANGE.fold(FLAG_CHANGE.decide(NoFlagChange(), proposal))
    for command in commands:
        try:
            change = FLAG_CHANGE.fold(FLAG_CHANGE.decide(change, command), change)
        except (Conflict, ProposerApproves):
            continue
    next_at = change.next_at if isinstance(change, Running) else None
    due = due_step(change, at, advanced=False)
    assert (due is not None) == (next_at is not None and next_at <= at)
