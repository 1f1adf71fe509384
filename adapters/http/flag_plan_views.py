"""Planned changes of flags as answers show them."""

from datetime import datetime
from typing import Any

import msgspec

from adapters.http.answers import Answer, json_answer
from adapters.http.commands import Render
from adapters.http.conditions import etag
from adapters.http.durations import written
from application.flags.planned import Planned
from domain.flags.edits import Edit
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
from domain.rejections import Fault


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
