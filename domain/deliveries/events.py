"""What happens to a delivery."""

from datetime import datetime

from domain.channels import Channel
from domain.decider import Event, Personal, Secret
from domain.retries import RetryPolicy


class DeliveryQueued(Event, frozen=True, kw_only=True, tag="delivery.queued"):
    """A reminder has fired, and this is to be told to whom it concerns."""

    PERSON = "owner"

    owner: str
    reminder: str
    occurrence: int
    due_at: datetime
    late: bool
    title: Personal
    body: Personal | None
    channel: Channel
    address: Personal | None
    secret: Secret | None
    retry: RetryPolicy


class DeliveryStarted(Event, frozen=True, kw_only=True, tag="delivery.started"):
    """An attempt has begun; attempts count from 1 over the delivery's whole life."""

    attempt: int


class DeliveryAttemptFailed(Event, frozen=True, kw_only=True, tag="delivery.attempt_failed"):
    """An attempt has failed; the next one comes at `retry_at`, or none does."""

    attempt: int
    error: str
    status: int | None
    retry_at: datetime | None


class DeliverySucceeded(Event, frozen=True, kw_only=True, tag="delivery.succeeded"):
    """It has arrived."""

    attempt: int
    status: int | None


class DeliveryDied(Event, frozen=True, kw_only=True, tag="delivery.died"):
    """It is a dead letter: not tried again unless somebody says so."""

    attempt: int
    reason: str


class DeliveryRequeued(Event, frozen=True, kw_only=True, tag="delivery.requeued"):
    """A dead letter is tried again, by the way that the reminder names now.

    `round` counts how often the delivery has been queued, this time included.
    """

    PERSON = "owner"

    round: int
    owner: str
    channel: Channel
    address: Personal | None
    secret: Secret | None
    retry: RetryPolicy


DeliveryEvent = (
    DeliveryQueued
    | DeliveryStarted
    | DeliveryAttemptFailed
    | DeliverySucceeded
    | DeliveryDied
    | DeliveryRequeued
)
