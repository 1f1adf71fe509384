"""What happens to a job."""

from datetime import datetime

from domain.decider import Event, Personal, PersonalJson


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
