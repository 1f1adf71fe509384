"""What can be asked of a planned change."""

from datetime import datetime

from domain.decider import Command
from domain.flags.planned.events import Failure, Step


class ProposeFlagChange(Command, frozen=True, kw_only=True):
    """Want a flag changed, step by step; `drafted` is the flag's version.

    `pointers` tell where in the request the time of each step stands ("" each, unless given).
    """

    flag: str
    drafted: int
    protected: bool
    steps: tuple[Step, ...]
    reason: str
    proposer: str
    pointers: tuple[str, ...] = ()
    at: datetime


class ApproveFlagChange(Command, frozen=True, kw_only=True):
    """Agree with somebody else's change."""

    change: str
    approver: str
    at: datetime


class RejectFlagChange(Command, frozen=True, kw_only=True):
    """Do not agree."""

    change: str
    reason: str
    at: datetime


class CancelFlagChange(Command, frozen=True, kw_only=True):
    """Want no more of it; what was carried out stays."""

    change: str
    reason: str
    at: datetime


class PauseFlagChange(Command, frozen=True, kw_only=True):
    """Let nothing more be carried out for now."""

    change: str
    at: datetime


class ResumeFlagChange(Command, frozen=True, kw_only=True):
    """Let it go on."""

    change: str
    at: datetime


class CarryOutStep(Command, frozen=True, kw_only=True):
    """Record that the flag has answered the next step, if that is due.

    `advanced` says that somebody wants it now, whatever it waits for.
    """

    change: str
    advanced: bool
    at: datetime


class FailFlagChange(Command, frozen=True, kw_only=True):
    """Record that the flag has refused the next step."""

    change: str
    failure: Failure
    at: datetime


FlagChangeCommand = (
    ProposeFlagChange
    | ApproveFlagChange
    | RejectFlagChange
    | CancelFlagChange
    | PauseFlagChange
    | ResumeFlagChange
    | CarryOutStep
    | FailFlagChange
)
