"""Planned changes of flags as requests write them."""

from datetime import datetime
from typing import Annotated

import msgspec

from adapters.http.durations import Duration, seconds, written
from adapters.http.flag_edits import EditBody, RevertEdit, edit_of, pointer_of
from adapters.http.flag_shapes import Percent, Text, Word
from adapters.http.moments import in_utc
from adapters.http.names import Name
from application.flags import DEFAULT_ENVIRONMENT
from application.flags.planned import Pointers, ProposeChange
from domain.flags.edits import Edit, RollOut
from domain.flags.planned import Step
from domain.rejections import Fault, Invalid

LONGEST_PAUSE = 366 * 86_400.0
"""Seconds."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]
Edits = Annotated[tuple[EditBody | RevertEdit, ...], msgspec.Meta(min_length=1, max_length=50)]
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


def proposal(key: str, body: ChangeBody, at: datetime) -> ProposeChange:
    """What a body asks for, but for the flag as it was at versions that are to come back.

    Raises:
        Invalid: when the steps' times contradict each other, or a revert is not alone in its step.
    """
    if (body.edits is None) == (body.steps is None):
        pointer = "/edits" if body.edits is None else "/steps"
        code = "required" if body.edits is None else "exclusive"
        detail = "give either edits or steps"
        raise Invalid(Fault(pointer=pointer, code=code, detail=detail))
    steps, pointers = [], []
    for number, (place, step) in enumerate(placed_steps(body)):
        revert_of(place, step)
        places = tuple(
            pointer_of(each, f"{place}/edits/{index}") for index, each in enumerate(step.edits)
        )
        edits = tuple(edit_of(key, each) for each in step.edits if not isinstance(each, RevertEdit))
        timed, pointer = _timed(edits, step, f"/steps/{number}", None if number else body.at)
        steps.append(timed)
        pointers.append(Pointers(at=pointer, edits=places))
    return _proposed(key, body, steps, pointers, at)


def placed_steps(body: ChangeBody) -> list[tuple[str, StepBody]]:
    """The steps that a body asks for, each with where it stands."""
    if body.steps is None:
        return [("", StepBody(edits=body.edits or ()))]
    return [(f"/steps/{number}", step) for number, step in enumerate(body.steps)]


def revert_of(place: str, step: StepBody) -> RevertEdit | None:
    """The revert that a step is, if it is one.

    Raises:
        Invalid: when it is more than that.
    """
    for index, each in enumerate(step.edits):
        if isinstance(each, RevertEdit):
            if len(step.edits) > 1:
                detail = "a revert is the only edit of its step"
                raise _exclusive(f"{place}/edits/{index}", detail)
            return each
    return None


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
