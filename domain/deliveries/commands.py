"""What a delivery can be asked for."""

from datetime import datetime

from domain.channels import Route
from domain.decider import Command, Erased
from domain.retries import RetryPolicy


class QueueDelivery(Command, frozen=True, kw_only=True):
    """Queue what an occurrence has to say."""

    owner: str
    reminder: str
    occurrence: int
    due_at: datetime
    late: bool
    title: str | Erased
    body: str | Erased | None
    route: Route
    retry: RetryPolicy
    at: datetime


class StartDelivery(Command, frozen=True, kw_only=True):
    """Begin the next attempt; one that is still running has been lost with its worker."""

    at: datetime


class SucceedDelivery(Command, frozen=True, kw_only=True):
    """Record that the running attempt has arrived."""

    attempt: int
    status: int | None
    at: datetime


class FailDelivery(Command, frozen=True, kw_only=True):
    """Record that the running attempt has failed; see `domain.retries` for the last fields."""

    attempt: int
    error: str
    status: int | None
    retryable: bool
    chance: float
    not_before: float
    at: datetime


class RequeueDelivery(Command, frozen=True, kw_only=True):
    """Try a dead letter again, by this way; `requester` as everywhere, None: anybody's."""

    delivery: str
    requester: str | None
    route: Route
    retry: RetryPolicy
    at: datetime


DeliveryCommand = QueueDelivery | StartDelivery | SucceedDelivery | FailDelivery | RequeueDelivery
