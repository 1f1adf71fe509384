"""What happens to a planned change of a flag."""

from datetime import datetime

import msgspec

from domain.decider import Event
from domain.flags.edits import Edit
from domain.rejections import Fault


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Edits that are carried out together.

    They are so `pause` seconds after the step before (the first: after the change came into force),
    and not before `at`; with `hold`, when a person says so.
    """

    edits: tuple[Edit, ...]
    at: datetime | None = None
    pause: float = 0.0
    hold: bool = False


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step could not be carried out: the refusal's slug, its sentence, what it points at."""

    code: str
    detail: str
    faults: tuple[Fault, ...] = ()


class FlagChangeProposed(Event, frozen=True, kw_only=True, tag="flag_change.proposed"):
    """Somebody wants a flag changed; `drafted` is the version of the flag that they had in mind.

    `next_at` is when the first step is due; None while it waits for approval or for a person.
    """

    flag: str
    drafted: int
    steps: tuple[Step, ...]
    reason: str
    proposer: str
    needs_approval: bool
    next_at: datetime | None


class FlagChangeApproved(Event, frozen=True, kw_only=True, tag="flag_change.approved"):
    """Somebody else agrees; from now on the steps are due in their times."""

    approver: str
    next_at: datetime | None


class FlagChangeRejected(Event, frozen=True, kw_only=True, tag="flag_change.rejected"):
    """Somebody does not agree; nothing of it is carried out."""

    reason: str


class FlagChangeStepCarriedOut(
    Event, frozen=True, kw_only=True, tag="flag_change.step_carried_out"
):
    """The flag has answered a step's edits; steps count from 1. `next_at`: the next one's time."""

    step: int
    next_at: datetime | None


class FlagChangePaused(Event, frozen=True, kw_only=True, tag="flag_change.paused"):
    """Nothing more is carried out until somebody resumes it."""


class FlagChangeResumed(Event, frozen=True, kw_only=True, tag="flag_change.resumed"):
    """It goes on; the pause before the next step has begun anew."""

    next_at: datetime | None


class FlagChangeCancelled(Event, frozen=True, kw_only=True, tag="flag_change.cancelled"):
    """The rest of it is not wanted any more."""

    reason: str


class FlagChangeFailed(Event, frozen=True, kw_only=True, tag="flag_change.failed"):
    """The flag has refused a step, and so the rest is not carried out either."""

    step: int
    failure: Failure


class FlagChangeCompleted(Event, frozen=True, kw_only=True, tag="flag_change.completed"):
    """All steps were carried out."""


FlagChangeEvent = (
    FlagChangeProposed
    | FlagChangeApproved
    | FlagChangeRejected
    | FlagChangeStepCarriedOut
    | FlagChangePaused
    | FlagChangeResumed
    | FlagChangeCancelled
    | FlagChangeFailed
    | FlagChangeCompleted
)
