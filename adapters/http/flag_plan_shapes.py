"""Planned changes of flags on the wire."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.commands import Render
from adapters.http.conditions import etag
from adapters.http.durations import Duration, seconds, written
from adapters.http.flag_edits import EditBody, edit_of, pointer_of
from adapters.http.flag_shapes import Percent, Text, Word
from adapters.http.moments import in_utc
from adapters.http.names import Name
from application.flags import DEFAULT_ENVIRONMENT
from application.flags.planned import Planned, Pointers, ProposeChange
from domain.flags.edits import Edit, RollOut
from domain.flags.planned import (
    Ended,
    FlagChange,
    FlagChangeState,
    NoFlagChange,
    NoSuchFlagChange,
    Paused,
    Running,
    Step,
    state_of,
)
from domain.rejections import Fault, Invalid

LONGEST_PAUSE = 366 * 86_400.0
"""Seconds."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]
Edits = Annotated[tuple[EditBody, ...], msgspec.Meta(min_length=1, max_length=50)]
Version = Annotated[
    int, msgspec.Meta(ge=1, le=2**62, description="The flag's version that this was drafted for.")
]


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a step is carried out: so long after the one before, and not before a time.

    With `hold` it waits for somebody to advance the change.
    """

    at: Time | None = None
    pause: Duration | None = None
    hold: bool = False


class StepBody(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Edits that are carried out together, in order."""

    edits: Edits


class RolloutStepBody(When, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many percent it is on from this step on."""

    rollout: Percent


Steps = Annotated[tuple[StepBody, ...], msgspec.Meta(min_length=1, max_length=100)]
RolloutSteps = Annotated[tuple[RolloutStepBody, ...], msgspec.Meta(min_length=1, max_length=100)]


class ChangeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Edits that are carried out together, or `steps`; `at` is a time for the first of these."""

    edits: Edits | None = None
    steps: Steps | None = None
    at: Time | None = None
    reason: Text = ""
    version: Version | None = None


class RolloutPlanBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rollout in steps: by one rule (its `id`), or where the environment has none."""

    environment: Name = DEFAULT_ENVIRONMENT
    rule: Word = ""
    steps: RolloutSteps
    at: Time | None = None
    reason: Text = ""
    version: Version | None = None


class ReasonBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Text = ""


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """A step, and whether it was carried out."""

    edits: tuple[Edit, ...]
    at: datetime | None
    pause: str | None
    hold: bool
    done: bool


class FailureView(msgspec.Struct, frozen=True, kw_only=True):
    """Which step the flag has refused (counted from 1), and why; `errors` point into the change."""

    step: int
    code: str
    detail: str
    errors: tuple[Fault, ...]


class FlagChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """A planned change; `flag_version` is the flag's version that it was drafted for.

    `next_at` is when the next step is due, null where that waits for somebody. `outcome_reason` is
    what was said when it was rejected or cancelled.
    """

    id: str
    flag: str
    flag_version: int
    state: FlagChangeState
    steps: list[StepView]
    next_at: datetime | None
    reason: str
    proposer: str
    approver: str | None
    outcome_reason: str
    failure: FailureView | None
    version: int


class FlagChangeItem(msgspec.Struct, frozen=True, kw_only=True):
    """A planned change in a list: how many steps it has, and how many of them are `done`."""

    id: str
    flag: str
    state: FlagChangeState
    steps: int
    done: int
    next_at: datetime | None
    reason: str
    proposer: str
    approver: str | None
    created_at: datetime
    updated_at: datetime
    version: int


class FlagChangeList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of planned changes, newest first."""

    items: list[FlagChangeItem]
    next: str | None


def proposal(key: str, body: ChangeBody, at: datetime) -> ProposeChange:
    """What a body asks for.

    Raises:
        Invalid: when the steps' times contradict each other.
    """
    if (body.edits is None) == (body.steps is None):
        pointer = "/edits" if body.edits is None else "/steps"
        code = "required" if body.edits is None else "exclusive"
        detail = "give either edits or steps"
        raise Invalid(Fault(pointer=pointer, code=code, detail=detail))
    given = body.steps or (StepBody(edits=body.edits or ()),)
    steps, pointers = [], []
    for number, step in enumerate(given):
        place = "" if body.steps is None else f"/steps/{number}"
        places = tuple(
            pointer_of(each, f"{place}/edits/{index}") for index, each in enumerate(step.edits)
        )
        edits = tuple(edit_of(key, each) for each in step.edits)
        timed, pointer = _timed(edits, step, f"/steps/{number}", None if number else body.at)
        steps.append(timed)
        pointers.append(Pointers(at=pointer, edits=places))
    return _proposed(key, body, steps, pointers, at)


def rollout_proposal(key: str, body: RolloutPlanBody, at: datetime) -> ProposeChange:
    """What a body asks for. Raises as `proposal` does."""
    steps, pointers = [], []
    for number, step in enumerate(body.steps):
        place = f"/steps/{number}"
        edit = RollOut(environment=body.environment, rollout=step.rollout, rule=body.rule)
        timed, pointer = _timed((edit,), step, place, None if number else body.at)
        steps.append(timed)
        elsewhere = {f"{place}/rule": "/rule"}
        pointers.append(Pointers(at=pointer, edits=(place,), elsewhere=elsewhere))
    return _proposed(key, body, steps, pointers, at)


def _proposed(
    key: str,
    body: ChangeBody | RolloutPlanBody,
    steps: list[Step],
    pointers: list[Pointers],
    at: datetime,
) -> ProposeChange:
    return ProposeChange(
        flag=key,
        steps=tuple(steps),
        pointers=tuple(pointers),
        version=body.version,
        reason=body.reason,
        at=at,
    )


def _timed(
    edits: tuple[Edit, ...], when: When, place: str, first_at: datetime | None
) -> tuple[Step, str]:
    """A step, and where its time stands; `first_at` is what the whole change says of the first."""
    if first_at is not None and when.at is not None:
        raise _exclusive(f"{place}/at", "the change gives a time for its first step already")
    if when.hold and (first_at or when.at or when.pause):
        raise _exclusive(f"{place}/hold", "what waits for somebody waits for no time")
    pointer = f"{place}/at" if first_at is None else "/at"
    at = in_utc(first_at or when.at, pointer)
    pause = 0.0
    if when.pause is not None:
        pause = seconds(when.pause, f"{place}/pause")
        if pause > LONGEST_PAUSE:
            detail = f"must be {written(LONGEST_PAUSE)} at most"
            raise Invalid(Fault(pointer=f"{place}/pause", code="range", detail=detail))
    return Step(edits=edits, at=at, pause=pause, hold=when.hold), pointer


def _exclusive(pointer: str, detail: str) -> Invalid:
    return Invalid(Fault(pointer=pointer, code="exclusive", detail=detail))


def view_of(id_: str, change: FlagChange, version: int) -> FlagChangeView:
    """A change as it is shown.

    Raises:
        NoSuchFlagChange: it was never proposed.
    """
    if isinstance(change, NoFlagChange):
        raise NoSuchFlagChange
    plan, done, told = change.plan, 0, dict[str, Any](approver=None)
    if isinstance(change, Running | Paused | Ended):
        done, told = change.done, {"approver": change.approver or None}
    if isinstance(change, Ended):
        told |= {"outcome_reason": change.reason, "failure": _failure(change)}
    return FlagChangeView(
        id=id_,
        flag=plan.flag,
        flag_version=plan.drafted,
        state=state_of(change),
        steps=[_step(step, done=index < done) for index, step in enumerate(plan.steps)],
        next_at=change.next_at if isinstance(change, Running) else None,
        reason=plan.reason,
        proposer=plan.proposer,
        version=version,
        **{"outcome_reason": "", "failure": None, **told},
    )


def _step(step: Step, *, done: bool) -> StepView:
    pause = written(step.pause) if step.pause else None
    return StepView(edits=step.edits, at=step.at, pause=pause, hold=step.hold, done=done)


def _failure(change: Ended) -> FailureView | None:
    failure = change.failure
    if failure is None:
        return None
    return FailureView(
        step=change.done + 1, code=failure.code, detail=failure.detail, errors=failure.faults
    )


def shown(status: int = 200) -> Render:
    """Shows a change after a command."""

    def render(planned: Planned, _version: int) -> Answer:
        view = view_of(planned.id, planned.change, planned.version)
        created = status > 200  # noqa: PLR2004 - else it was there
        location = ((b"location", f"/v1/flag-changes/{planned.id}".encode()),) if created else ()
        return json_answer(view, status, (etag(planned.version), *location))

    return render
