"""What a planned change is at one moment, and how commands on it are refused."""

from datetime import datetime
from typing import Literal

import msgspec

from domain.flags.planned.events import Failure, Step
from domain.rejections import Conflict, Forbidden, NotFound

FlagChangeState = Literal[
    "proposed", "scheduled", "held", "paused", "completed", "rejected", "cancelled", "failed"
]
"""`scheduled` waits for a time, `held` for a person who advances it."""

PROPOSED: FlagChangeState = "proposed"
SCHEDULED: FlagChangeState = "scheduled"
HELD: FlagChangeState = "held"
PAUSED: FlagChangeState = "paused"
COMPLETED: FlagChangeState = "completed"
REJECTED: FlagChangeState = "rejected"
CANCELLED: FlagChangeState = "cancelled"
FAILED: FlagChangeState = "failed"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What was proposed, and by whom."""

    flag: str
    drafted: int
    steps: tuple[Step, ...]
    reason: str
    proposer: str


class NoFlagChange(msgspec.Struct, frozen=True):
    """Nothing was proposed."""


class Proposed(msgspec.Struct, frozen=True, kw_only=True):
    """It waits for approval."""

    plan: Plan


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Of its steps `done` were carried out; the next is due at `next_at`, or when a person says.

    `approver` is empty where nobody had to approve.
    """

    plan: Plan
    approver: str
    done: int
    next_at: datetime | None


class Paused(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is carried out until somebody resumes it."""

    plan: Plan
    approver: str
    done: int


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more comes of it: `outcome` says how it ended, `reason` or `failure` why."""

    plan: Plan
    approver: str
    done: int
    outcome: FlagChangeState
    reason: str = ""
    failure: Failure | None = None


FlagChange = NoFlagChange | Proposed | Running | Paused | Ended


def waiting(next_at: datetime | None) -> FlagChangeState:
    """The state of a change that runs: it waits for a time or for a person."""
    return HELD if next_at is None else SCHEDULED


def state_of(change: Proposed | Running | Paused | Ended) -> FlagChangeState:
    """A change's state in one word."""
    match change:
        case Proposed():
            return PROPOSED
        case Running():
            return waiting(change.next_at)
        case Paused():
            return PAUSED
        case Ended():
            return change.outcome


class NoSuchFlagChange(NotFound):
    """No such change was proposed."""

    slug = "no-such-flag-change"
    title = "There is no such change of a flag"


class FlagChangeIdTaken(Conflict):
    """The new change's id is in use."""

    slug = "flag-change-id-taken"
    title = "This change exists"


class FlagChangeIsOver(Conflict):
    """Nothing more can come of the change."""

    slug = "flag-change-is-over"
    title = "The change has ended"


class FlagChangeWaitsForApproval(Conflict):
    """Nothing of it is carried out before somebody approves."""

    slug = "flag-change-waits-for-approval"
    title = "The change waits for approval"


class FlagChangeIsApproved(Conflict):
    """What was approved, or needed no approval, can only be cancelled."""

    slug = "flag-change-is-approved"
    title = "The change does not wait for approval"


class FlagChangeIsPaused(Conflict):
    """A paused change is resumed before it goes on."""

    slug = "flag-change-is-paused"
    title = "The change is paused"


class ProposerApproves(Forbidden):
    """Four eyes see more than two."""

    slug = "proposer-approves"
    title = "Somebody else must approve the change"
