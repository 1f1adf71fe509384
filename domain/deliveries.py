"""Deliveries: one occurrence of a reminder on its way to somebody, until it arrives or dies.

A delivery is complete in itself: it says what was to be said when the reminder fired, whatever
becomes of that afterwards. Only where it goes is asked anew when a person queues a dead one again,
so that a wrong address can be mended first.
"""

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from domain.channels import Channel, Route
from domain.decider import Command, Decider, Erased, Event, Personal, Secret
from domain.rejections import Conflict, NotFound
from domain.retries import RetryPolicy, backoff


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


class NoDelivery(msgspec.Struct, frozen=True):
    """Nothing was queued."""


QUEUED, RUNNING, RETRYING = "queued", "running", "retrying"
SUCCEEDED, DEAD = "succeeded", "dead"
PENDING = (QUEUED, RUNNING, RETRYING)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery; `attempts` counts over its whole life, `spent` since it was last queued."""

    queued: DeliveryQueued
    route: Route
    retry: RetryPolicy
    state: str = QUEUED
    round: int = 1
    attempts: int = 0
    spent: int = 0
    retry_at: datetime | None = None
    error: str | None = None


class NoSuchDelivery(NotFound):
    """Nothing was delivered under this id, or nothing that the caller may see."""

    slug = "no-such-delivery"
    title = "There is no such delivery"


class DeliveryIdTaken(Conflict):
    """The new delivery's id is in use."""

    slug = "delivery-id-taken"
    title = "This delivery exists"


class DeliveryNotDead(Conflict):
    """Only a dead letter can be queued again."""

    slug = "delivery-not-dead"
    title = "This delivery is not a dead letter"


def decide(delivery: NoDelivery | Delivery, command: DeliveryCommand) -> list[DeliveryEvent]:
    """Answer a command with the events it causes."""
    if isinstance(command, QueueDelivery):
        return _queue(delivery, command)
    if isinstance(delivery, NoDelivery):
        raise NoSuchDelivery
    match command:
        case StartDelivery():
            return _start(delivery, command)
        case SucceedDelivery():
            return _succeed(delivery, command)
        case FailDelivery():
            return _fail(delivery, command)
        case RequeueDelivery():
            return _requeue(delivery, command)
        case _:
            assert_never(command)


def _queue(delivery: NoDelivery | Delivery, command: QueueDelivery) -> list[DeliveryEvent]:
    if isinstance(delivery, Delivery):
        raise DeliveryIdTaken
    return [
        DeliveryQueued(
            owner=command.owner,
            reminder=command.reminder,
            occurrence=command.occurrence,
            due_at=command.due_at,
            late=command.late,
            title=command.title,
            body=command.body,
            channel=command.route.channel,
            address=command.route.address,
            secret=command.route.secret,
            retry=command.retry,
        )
    ]


def _start(delivery: Delivery, command: StartDelivery) -> list[DeliveryEvent]:
    if delivery.state not in PENDING:
        return []
    if delivery.state != RUNNING:
        return [DeliveryStarted(attempt=delivery.attempts + 1)]
    if delivery.spent < delivery.retry.max_attempts:
        return [
            _failure(delivery, "lost", retry_at=command.at),
            DeliveryStarted(attempt=delivery.attempts + 1),
        ]
    lost = _failure(delivery, "lost", retry_at=None)
    return [lost, DeliveryDied(attempt=delivery.attempts, reason="out_of_attempts")]


def _failure(
    delivery: Delivery, error: str, *, retry_at: datetime | None, status: int | None = None
) -> DeliveryAttemptFailed:
    return DeliveryAttemptFailed(
        attempt=delivery.attempts, error=error, status=status, retry_at=retry_at
    )


def _is_running(delivery: Delivery, attempt: int) -> bool:
    return delivery.state == RUNNING and delivery.attempts == attempt


def _succeed(delivery: Delivery, command: SucceedDelivery) -> list[DeliveryEvent]:
    if not _is_running(delivery, command.attempt):
        return []
    return [DeliverySucceeded(attempt=command.attempt, status=command.status)]


def _fail(delivery: Delivery, command: FailDelivery) -> list[DeliveryEvent]:
    if not _is_running(delivery, command.attempt):
        return []
    policy = delivery.retry
    retry_at = None
    if command.retryable and delivery.spent < policy.max_attempts:
        pause = backoff(policy, delivery.spent, command.chance, not_before=command.not_before)
        retry_at = command.at + timedelta(seconds=pause)
    failed = _failure(delivery, command.error, retry_at=retry_at, status=command.status)
    if retry_at is not None:
        return [failed]
    reason = "out_of_attempts" if command.retryable else "not_retryable"
    return [failed, DeliveryDied(attempt=delivery.attempts, reason=reason)]


def _requeue(delivery: Delivery, command: RequeueDelivery) -> list[DeliveryEvent]:
    if command.requester not in (None, delivery.queued.owner):
        raise NoSuchDelivery
    if delivery.state == QUEUED:
        return []
    if delivery.state != DEAD:
        raise DeliveryNotDead(f"The delivery is {delivery.state}.", state=delivery.state)
    return [
        DeliveryRequeued(
            round=delivery.round + 1,
            owner=delivery.queued.owner,
            channel=command.route.channel,
            address=command.route.address,
            secret=command.route.secret,
            retry=command.retry,
        )
    ]


def evolve(delivery: NoDelivery | Delivery, event: DeliveryEvent) -> NoDelivery | Delivery:
    """The delivery after an event."""
    if isinstance(event, DeliveryQueued):
        return Delivery(queued=event, route=_route(event), retry=event.retry)
    if isinstance(delivery, NoDelivery):
        return delivery
    change = msgspec.structs.replace
    match event:
        case DeliveryStarted():
            spent = delivery.spent + 1
            return change(
                delivery, state=RUNNING, attempts=event.attempt, spent=spent, retry_at=None
            )
        case DeliveryAttemptFailed():
            return change(delivery, state=RETRYING, error=event.error, retry_at=event.retry_at)
        case DeliverySucceeded():
            return change(delivery, state=SUCCEEDED, error=None)
        case DeliveryDied():
            return change(delivery, state=DEAD)
        case DeliveryRequeued():
            return change(
                delivery,
                route=_route(event),
                retry=event.retry,
                state=QUEUED,
                round=event.round,
                spent=0,
            )
        case _:
            assert_never(event)


def _route(event: DeliveryQueued | DeliveryRequeued) -> Route:
    return Route(channel=event.channel, address=event.address, secret=event.secret)


DELIVERY: Decider[NoDelivery | Delivery, DeliveryCommand, DeliveryEvent] = Decider(
    category="delivery", events=DeliveryEvent, initial=NoDelivery(), decide=decide, evolve=evolve
)
