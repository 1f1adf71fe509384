"""What a job is, and why a command on it may be refused."""

from datetime import datetime
from typing import Any

import msgspec

from domain.rejections import Conflict, NotFound


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
