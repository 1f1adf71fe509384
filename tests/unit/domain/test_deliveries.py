"""What deliveries decide, and what an inbox does."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given as forall
from hypothesis import strategies as st

from domain.channels import LogChannel, Route, WebhookChannel
from domain.deliveries import (
    DELIVERY,
    DeliveryAttemptFailed,
    DeliveryDied,
    DeliveryIdTaken,
    DeliveryNotDead,
    DeliveryQueued,
    DeliveryRequeued,
    DeliveryStarted,
    DeliverySucceeded,
    FailDelivery,
    NoSuchDelivery,
    QueueDelivery,
    RequeueDelivery,
    StartDelivery,
    SucceedDelivery,
)
from domain.inbox import (
    INBOX_ITEM,
    AddItem,
    InboxItemAdded,
    InboxItemRead,
    NoSuchItem,
    ReadItem,
)
from domain.retries import RetryPolicy
from tests.support.deciders import given

AT = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = RetryPolicy(max_attempts=2, base=1.0, cap=8.0)
ROUTE = Route(channel=WebhookChannel(url="https://example.org/"), secret="s1")
SAID: dict[str, Any] = {
    "owner": "ada",
    "reminder": "r1",
    "occurrence": 1,
    "due_at": AT,
    "late": False,
    "title": "tea",
    "body": None,
}
QUEUED = DeliveryQueued(**SAID, channel=ROUTE.channel, address=None, secret="s1", retry=POLICY)
QUEUE = QueueDelivery(**SAID, route=ROUTE, retry=POLICY, at=AT)
START = StartDelivery(at=AT)
ELSEWHERE = Route(channel=LogChannel())
REQUEUE = RequeueDelivery(delivery="d", requester=None, route=ELSEWHERE, retry=POLICY, at=AT)
REQUEUED = DeliveryRequeued(
    round=2, owner="ada", channel=LogChannel(), address=None, secret=None, retry=POLICY
)


def started(attempt: int) -> DeliveryStarted:
    return DeliveryStarted(attempt=attempt)


def fail(attempt: int, *, retryable: bool = True) -> FailDelivery:
    return FailDelivery(
        attempt=attempt,
        error="timeout",
        status=504,
        retryable=retryable,
        chance=0.5,
        not_before=0.0,
        at=AT,
    )


def failed(attempt: int, retry_at: datetime | None, error: str = "timeout") -> Any:
    status = 504 if error == "timeout" else None
    return DeliveryAttemptFailed(attempt=attempt, error=error, status=status, retry_at=retry_at)


def dead(attempt: int, reason: str = "out_of_attempts") -> DeliveryDied:
    return DeliveryDied(attempt=attempt, reason=reason)


LATER = AT + timedelta(seconds=0.5)
DEAD = (QUEUED, started(1), failed(1, LATER), started(2), failed(2, None), dead(2))


def test_an_occurrence_is_queued_once() -> None:
    given(DELIVERY).when(QUEUE).then(QUEUED)
    given(DELIVERY, QUEUED).when(QUEUE).refused(DeliveryIdTaken)


def test_an_attempt_begins_and_arrives() -> None:
    given(DELIVERY, QUEUED).when(START).then(started(1))
    arrive = SucceedDelivery(attempt=1, status=200, at=AT)
    given(DELIVERY, QUEUED, started(1)).when(arrive).then(DeliverySucceeded(attempt=1, status=200))


def test_a_failed_attempt_is_tried_again_after_a_pause() -> None:
    given(DELIVERY, QUEUED, started(1)).when(fail(1)).then(failed(1, LATER))


def test_the_last_attempt_leaves_a_dead_letter() -> None:
    history = (QUEUED, started(1), failed(1, LATER), started(2))
    given(DELIVERY, *history).when(fail(2)).then(failed(2, None), dead(2))


def test_what_is_not_worth_another_attempt_dies_at_once() -> None:
    given(DELIVERY, QUEUED, started(1)).when(fail(1, retryable=False)).then(
        failed(1, None), dead(1, "not_retryable")
    )


def test_an_attempt_whose_worker_is_gone_counts_as_lost() -> None:
    given(DELIVERY, QUEUED, started(1)).when(START).then(failed(1, AT, "lost"), started(2))
    history = (QUEUED, started(1), failed(1, LATER), started(2))
    given(DELIVERY, *history).when(START).then(failed(2, None, "lost"), dead(2))


def test_what_comes_after_the_end_says_nothing() -> None:
    ended = given(DELIVERY, QUEUED, started(1), DeliverySucceeded(attempt=1, status=200))
    ended.when(START).then()
    ended.when(fail(1)).then()
    given(DELIVERY, QUEUED, started(1), failed(1, LATER), started(2)).when(fail(1)).then()


def test_a_dead_letter_is_queued_again_by_the_way_that_is_named_now() -> None:
    given(DELIVERY, *DEAD).when(REQUEUE).then(REQUEUED)
    given(DELIVERY, *DEAD, REQUEUED).when(REQUEUE).then()
    given(DELIVERY, *DEAD, REQUEUED).when(START).then(started(3))
    given(DELIVERY, *DEAD, REQUEUED, started(3)).when(fail(3)).then(failed(3, LATER))


def test_only_a_dead_letter_is_queued_again() -> None:
    given(DELIVERY, QUEUED, started(1)).when(REQUEUE).refused(DeliveryNotDead)
    given(DELIVERY).when(REQUEUE).refused(NoSuchDelivery)


def test_somebody_elses_is_not_there() -> None:
    eves = RequeueDelivery(delivery="d", requester="eve", route=ROUTE, retry=POLICY, at=AT)
    given(DELIVERY, *DEAD).when(eves).refused(NoSuchDelivery)


EVENTS = st.sampled_from([*DEAD, REQUEUED, DeliverySucceeded(attempt=1, status=None)])


@forall(st.lists(EVENTS, max_size=8))
def test_any_events_in_any_order_fold(events: list[Any]) -> None:
    DELIVERY.fold(events)


ITEM = {name: value for name, value in SAID.items() if name != "owner"}
ADD = AddItem(**ITEM, account="ada", at=AT)
ADDED = InboxItemAdded(**ITEM, account="ada")
READ = ReadItem(account="ada", item="d", at=AT)


def test_an_item_comes_into_the_inbox_once() -> None:
    given(INBOX_ITEM).when(ADD).then(ADDED)
    given(INBOX_ITEM, ADDED).when(ADD).then()


def test_an_item_is_read_once() -> None:
    given(INBOX_ITEM, ADDED).when(READ).then(InboxItemRead())
    given(INBOX_ITEM, ADDED, InboxItemRead()).when(READ).then()
    given(INBOX_ITEM).when(READ).refused(NoSuchItem)
