"""Jobs: what follows when one is queued, and how an attempt goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from application.effects import Broken, Due
from application.executor import Attempt, Executor, Failed, Succeeded
from application.reactions import Effect, Reaction
from application.unit import Unit
from domain.actions import ACTION, Action
from domain.decider import ERASED
from domain.jobs import (
    JOB,
    PENDING,
    RETRYING,
    RUNNING,
    FailAttempt,
    Job,
    JobQueued,
    JobRequeued,
    StartAttempt,
    SucceedAttempt,
)
from domain.recorded import Recorded
from domain.retries import RetryPolicy

RUN_JOB = "run-job"


def react(_recorded: Recorded[JobQueued | JobRequeued]) -> Sequence[Effect]:
    """A queued job is run."""
    return [Effect(kind=RUN_JOB)]


REACTION = Reaction(name="jobs", handles=(JobQueued, JobRequeued), react=react, from_start=True)


@dataclass(frozen=True)
class RunJob:
    """Runs jobs, by the definition that their action has when an attempt begins.

    So a broken target can be mended between two attempts, or before a dead letter is requeued.
    """

    executor: Executor
    now: Callable[[], datetime]

    source = JOB

    async def begin(self, unit: Unit, due: Due) -> Attempt | None:
        """Start the attempt, unless the job was cancelled, has ended, or was queued anew."""
        id_ = due.event.stream_id
        job = await unit.load(JOB, id_)
        if not isinstance(job, Job) or job.phase not in PENDING or job.round != _round(due):
            return None
        action = await unit.load(ACTION, job.action)
        job = await unit.decide(JOB, id_, StartAttempt(policy=_policy(action), at=due.at))
        if not isinstance(job, Job) or job.phase != RUNNING or not isinstance(action, Action):
            return None
        return Attempt(
            job=id_,
            action=job.action,
            tenant=due.event.tenant,
            number=job.attempts,
            target=action.executor,
            headers=action.headers,
            input=job.input,
        )

    def patience(self, payload: Attempt) -> float:
        """As long as the action's target may take."""
        return self.executor.patience(payload.target)

    async def carry_out(self, payload: Attempt, _due: Due) -> Succeeded | Failed:
        """Call the target; a job whose input was erased is not sent anywhere."""
        if payload.input is ERASED:
            return Failed(kind="invalid", detail="the input was erased", retryable=False)
        return await self.executor(payload)

    async def finish(
        self,
        unit: Unit,
        due: Due,
        payload: Attempt,
        result: Succeeded | Failed | Broken,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Record the outcome; what comes too late says nothing."""
        id_ = due.event.stream_id
        if isinstance(result, Succeeded):
            succeed = SucceedAttempt(
                attempt=payload.number, status=result.status, response=result.excerpt, at=at
            )
            await unit.decide(JOB, id_, succeed)
            return None
        policy = _policy(await unit.load(ACTION, payload.action))
        job = await unit.decide(JOB, id_, _failure(payload, result, policy, chance, at))
        return job.retry_at if isinstance(job, Job) and job.phase == RETRYING else None


def _failure(
    payload: Attempt, result: Failed | Broken, policy: RetryPolicy, chance: float, at: datetime
) -> FailAttempt:
    if isinstance(result, Broken):
        result = Failed(kind="broken", detail=result.error)
    return FailAttempt(
        attempt=payload.number,
        error=result.detail or result.kind,
        status=result.status,
        response=result.excerpt,
        retryable=result.retryable,
        policy=policy,
        chance=chance,
        not_before=result.not_before,
        at=at,
    )


def _policy(action: Any) -> RetryPolicy:
    return action.retry if isinstance(action, Action) else RetryPolicy()


def _round(due: Due) -> int:
    event = due.event.event
    return event.round if isinstance(event, JobRequeued) else 1
