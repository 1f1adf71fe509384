"""What a job can be asked for."""

from datetime import datetime
from typing import Any

from domain.decider import Command
from domain.retries import RetryPolicy


class QueueJob(Command, frozen=True, kw_only=True):
    """Queue a run of an action."""

    action: str
    requester: str
    input: Any
    at: datetime


class StartAttempt(Command, frozen=True, kw_only=True):
    """Begin the next attempt; one that is still running has been lost with its worker."""

    policy: RetryPolicy
    at: datetime


class SucceedAttempt(Command, frozen=True, kw_only=True):
    """Record that the running attempt has succeeded."""

    attempt: int
    status: int | None
    response: str | None
    at: datetime


class FailAttempt(Command, frozen=True, kw_only=True):
    """Record that the running attempt has failed.

    `chance` in [0, 1) spreads the pause before the next attempt; `not_before` in seconds is what
    the target asked for.
    """

    attempt: int
    error: str
    status: int | None
    response: str | None
    retryable: bool
    policy: RetryPolicy
    chance: float
    not_before: float
    at: datetime


class RequeueJob(Command, frozen=True, kw_only=True):
    """Try a dead or cancelled job again."""

    job: str
    at: datetime


class CancelJob(Command, frozen=True, kw_only=True):
    """Stop wanting a job; an attempt that is under way may still finish, its outcome is dropped."""

    job: str
    at: datetime


JobCommand = QueueJob | StartAttempt | SucceedAttempt | FailAttempt | RequeueJob | CancelJob
