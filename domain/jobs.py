"""Jobs: one run of an action, from the queue to its end.

A job is tried until it succeeds, fails for good, or has used up its action's attempts; then it is
a dead letter, which a person may queue again with a fresh budget of attempts.
"""

from datetime import datetime, timedelta
from typing import Any, assert_never

import msgspec

from domain.decider import Command, Decider, Event, Personal, PersonalJson
from domain.rejections import Conflict, NotFound
from domain.retries import RetryPolicy, backoff


class JobQueued(Event, frozen=True, kw_only=True, tag="job.queued"):
    """Somebody has triggered an action; `requester` is the id of the account or key."""

    PERSON = "requester"

    action: str
    requester: str
    input: PersonalJson


class JobStarted(Event, frozen=True, kw_only=True, tag="job.started"):
    """An attempt has begun; attempts count from 1 over the job's whole life."""

    attempt: int


class JobAttemptFailed(Event, frozen=True, kw_only=True, tag="job.attempt_failed"):
    """An attempt has failed; the next one comes at `retry_at`, or none does."""

    PERSON = "requester"

    attempt: int
    requester: str
    error: str
    status: int | None
    response: Personal | None
    retry_at: datetime | None


class JobSucceeded(Event, frozen=True, kw_only=True, tag="job.succeeded"):
    """The action was carried out."""

    PERSON = "requester"

    attempt: int
    requester: str
    status: int | None
    response: Personal | None


class JobDied(Event, frozen=True, kw_only=True, tag="job.died"):
    """The job is a dead letter: it is not tried again unless somebody says so."""

    attempt: int
    reason: str


class JobRequeued(Event, frozen=True, kw_only=True, tag="job.requeued"):
    """A dead or cancelled job is tried again, with a fresh budget of attempts.

    `round` counts how often the job has been queued, this time included.
    """

    round: int


class JobCancelled(Event, frozen=True, kw_only=True, tag="job.cancelled"):
    """The job is not wanted any more."""


JobEvent = (
    JobQueued | JobStarted | JobAttemptFailed | JobSucceeded | JobDied | JobRequeued | JobCancelled
)


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


class NoJob(msgspec.Struct, frozen=True):
    """Nothing was queued."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job; `phase` is its public state, `round` how often it was queued.

    `attempts` counts over its whole life, `spent` since it was last queued.
    """

    action: str
    requester: str
    input: Any
    phase: str
    round: int = 1
    attempts: int = 0
    spent: int = 0
    retry_at: datetime | None = None


QUEUED, RUNNING, RETRYING = "queued", "running", "retrying"
SUCCEEDED, DEAD, CANCELLED = "succeeded", "dead", "cancelled"
PHASES = (QUEUED, RUNNING, RETRYING, SUCCEEDED, DEAD, CANCELLED)
PENDING = (QUEUED, RUNNING, RETRYING)


class NoSuchJob(NotFound):
    """No such job was queued, or none that the caller may see."""

    slug = "no-such-job"
    title = "There is no such job"


class JobIdTaken(Conflict):
    """The new job's id is in use."""

    slug = "job-id-taken"
    title = "This job exists"


class JobNotRequeueable(Conflict):
    """Only a dead or cancelled job can be queued again."""

    slug = "job-not-requeueable"
    title = "This job is not dead or cancelled"


class JobHasEnded(Conflict):
    """The job has ended, so it cannot be cancelled."""

    slug = "job-has-ended"
    title = "This job has ended"


def decide(job: NoJob | Job, command: JobCommand) -> list[JobEvent]:
    """Answer a command with the events it causes."""
    if isinstance(command, QueueJob):
        return _queue(job, command)
    if isinstance(job, NoJob):
        raise NoSuchJob
    match command:
        case StartAttempt():
            return _start(job, command)
        case SucceedAttempt():
            return _succeed(job, command)
        case FailAttempt():
            return _fail(job, command)
        case RequeueJob():
            return _requeue(job)
        case CancelJob():
            return _cancel(job)
        case _:
            assert_never(command)


def _queue(job: NoJob | Job, command: QueueJob) -> list[JobEvent]:
    if isinstance(job, Job):
        raise JobIdTaken
    return [JobQueued(action=command.action, requester=command.requester, input=command.input)]


def _start(job: Job, command: StartAttempt) -> list[JobEvent]:
    if job.phase not in PENDING:
        return []
    if job.phase != RUNNING:
        return [JobStarted(attempt=job.attempts + 1)]
    may_go_on = job.spent < command.policy.max_attempts
    lost = _failure(job, error="lost", retry_at=command.at if may_go_on else None)
    if may_go_on:
        return [lost, JobStarted(attempt=job.attempts + 1)]
    return [lost, JobDied(attempt=job.attempts, reason="out_of_attempts")]


def _failure(
    job: Job,
    *,
    error: str,
    retry_at: datetime | None,
    status: int | None = None,
    response: str | None = None,
) -> JobAttemptFailed:
    return JobAttemptFailed(
        attempt=job.attempts,
        requester=job.requester,
        error=error,
        status=status,
        response=response,
        retry_at=retry_at,
    )


def _is_running(job: Job, attempt: int) -> bool:
    return job.phase == RUNNING and job.attempts == attempt


def _succeed(job: Job, command: SucceedAttempt) -> list[JobEvent]:
    if not _is_running(job, command.attempt):
        return []
    return [
        JobSucceeded(
            attempt=job.attempts,
            requester=job.requester,
            status=command.status,
            response=command.response,
        )
    ]


def _fail(job: Job, command: FailAttempt) -> list[JobEvent]:
    if not _is_running(job, command.attempt):
        return []
    out_of_attempts = job.spent >= command.policy.max_attempts
    retry_at = None
    if command.retryable and not out_of_attempts:
        pause = backoff(command.policy, job.spent, command.chance, not_before=command.not_before)
        retry_at = command.at + timedelta(seconds=pause)
    failed = _failure(
        job,
        error=command.error,
        retry_at=retry_at,
        status=command.status,
        response=command.response,
    )
    if retry_at is not None:
        return [failed]
    reason = "out_of_attempts" if command.retryable else "not_retryable"
    return [failed, JobDied(attempt=job.attempts, reason=reason)]


def _requeue(job: Job) -> list[JobEvent]:
    if job.phase == QUEUED:
        return []
    if job.phase not in (DEAD, CANCELLED):
        raise JobNotRequeueable(f"The job is {job.phase}.", state=job.phase)
    return [JobRequeued(round=job.round + 1)]


def _cancel(job: Job) -> list[JobEvent]:
    if job.phase == CANCELLED:
        return []
    if job.phase in (SUCCEEDED, DEAD):
        raise JobHasEnded(f"The job is {job.phase}.", state=job.phase)
    return [JobCancelled()]


def evolve(job: NoJob | Job, event: JobEvent) -> NoJob | Job:
    """The job after an event."""
    if isinstance(event, JobQueued):
        return Job(action=event.action, requester=event.requester, input=event.input, phase=QUEUED)
    if isinstance(job, NoJob):
        return job
    change = msgspec.structs.replace
    match event:
        case JobStarted():
            return change(
                job, phase=RUNNING, attempts=event.attempt, spent=job.spent + 1, retry_at=None
            )
        case JobAttemptFailed():
            return change(job, phase=RETRYING, retry_at=event.retry_at)
        case JobSucceeded():
            return change(job, phase=SUCCEEDED)
        case JobDied():
            return change(job, phase=DEAD)
        case JobRequeued():
            return change(job, phase=QUEUED, round=event.round, spent=0)
        case JobCancelled():
            return change(job, phase=CANCELLED, retry_at=None)
        case _:
            assert_never(event)


JOB: Decider[NoJob | Job, JobCommand, JobEvent] = Decider(
    category="job", events=JobEvent, initial=NoJob(), decide=decide, evolve=evolve
)
