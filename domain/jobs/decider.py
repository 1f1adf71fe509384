"""What a job answers to a command, and what an event makes of it."""

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from domain.decider import Decider
from domain.jobs.commands import (
    CancelJob,
    FailAttempt,
    JobCommand,
    QueueJob,
    RequeueJob,
    StartAttempt,
    SucceedAttempt,
)
from domain.jobs.events import (
    JobAttemptFailed,
    JobCancelled,
    JobDied,
    JobEvent,
    JobQueued,
    JobRequeued,
    JobStarted,
    JobSucceeded,
)
from domain.jobs.state import (
    CANCELLED,
    DEAD,
    PENDING,
    QUEUED,
    RETRYING,
    RUNNING,
    SUCCEEDED,
    Job,
    JobHasEnded,
    JobIdTaken,
    JobNotRequeueable,
    NoJob,
    NoSuchJob,
)
from domain.retries import backoff


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
