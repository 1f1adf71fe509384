"""What a delivery answers to a command, and what an event makes of it."""

from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from domain.channels import Route
from domain.decider import Decider
from domain.deliveries.commands import (
    DeliveryCommand,
    FailDelivery,
    QueueDelivery,
    RequeueDelivery,
    StartDelivery,
    SucceedDelivery,
)
from domain.deliveries.events import (
    DeliveryAttemptFailed,
    DeliveryDied,
    DeliveryEvent,
    DeliveryQueued,
    DeliveryRequeued,
    DeliveryStarted,
    DeliverySucceeded,
)
from domain.deliveries.state import (
    DEAD,
    PENDING,
    QUEUED,
    RETRYING,
    RUNNING,
    SUCCEEDED,
    Delivery,
    DeliveryIdTaken,
    DeliveryNotDead,
    NoDelivery,
    NoSuchDelivery,
)
from domain.retries import backoff


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
