"""Jobs: one run of an action, from the queue to its end.

A job is tried until it succeeds, fails for good, or has used up its action's attempts; then it is
a dead letter, which a person may queue again with a fresh budget of attempts.
"""

from domain.jobs.commands import (
    CancelJob,
    FailAttempt,
    JobCommand,
    QueueJob,
    RequeueJob,
    StartAttempt,
    SucceedAttempt,
)
from domain.jobs.decider import JOB
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
    PHASES,
    QUEUED,
    RETRYING,
    RUNNING,
    SUCCEEDED,
    Job,
    JobHasEnded,
    JobNotRequeueable,
    NoJob,
    NoSuchJob,
)

__all__ = [
    "CANCELLED",
    "DEAD",
    "JOB",
    "PENDING",
    "PHASES",
    "QUEUED",
    "RETRYING",
    "RUNNING",
    "SUCCEEDED",
    "CancelJob",
    "FailAttempt",
    "Job",
    "JobAttemptFailed",
    "JobCancelled",
    "JobCommand",
    "JobDied",
    "JobEvent",
    "JobHasEnded",
    "JobNotRequeueable",
    "JobQueued",
    "JobRequeued",
    "JobStarted",
    "JobSucceeded",
    "NoJob",
    "NoSuchJob",
    "QueueJob",
    "RequeueJob",
    "StartAttempt",
    "SucceedAttempt",
]
