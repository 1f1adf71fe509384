"""Events of reminders and what they lead to, one of each type."""

from domain.channels import EmailChannel, InboxChannel, LogChannel, WebhookChannel
from domain.decider import Event
from domain.deliveries import (
    DeliveryAttemptFailed,
    DeliveryDied,
    DeliveryQueued,
    DeliveryRequeued,
    DeliveryStarted,
    DeliverySucceeded,
)
from domain.inbox import InboxItemAdded, InboxItemRead
from domain.reminders import (
    Once,
    Recurring,
    ReminderCancelled,
    ReminderFired,
    ReminderRerouted,
    ReminderRescheduled,
    ReminderReworded,
    ReminderScheduled,
    ReminderSnoozed,
)
from domain.retries import RetryPolicy
from tests.golden.examples.moment import AT

EVENTS: list[Event] = [
    ReminderScheduled(
        owner="a1",
        title="call Ada",
        body="about the engine",
        schedule=Recurring(cron="0 9 * * MON-FRI", time_zone="Europe/Berlin"),
        channel=WebhookChannel(url="https://example.org/"),
        address=None,
        secret="whsec_hush",
        retry=RetryPolicy(max_attempts=8, base=0.5, cap=60.0),
        next_at=AT,
    ),
    ReminderReworded(owner="a1", title="call Ada", body=None),
    ReminderRerouted(
        owner="a1",
        channel=EmailChannel(),
        address="ada@example.org",
        secret=None,
        retry=RetryPolicy(max_attempts=8, base=0.5, cap=60.0),
    ),
    ReminderRescheduled(schedule=Once(at=AT), next_at=AT),
    ReminderSnoozed(next_at=AT),
    ReminderCancelled(),
    ReminderFired(occurrence=1, due_at=AT, late=True, delivery="d1", next_at=None),
    DeliveryQueued(
        owner="a1",
        reminder="r1",
        occurrence=1,
        due_at=AT,
        late=False,
        title="call Ada",
        body=None,
        channel=InboxChannel(account="a1"),
        address=None,
        secret=None,
        retry=RetryPolicy(max_attempts=8, base=0.5, cap=60.0),
    ),
    DeliveryStarted(attempt=1),
    DeliveryAttemptFailed(attempt=1, error="timeout", status=504, retry_at=AT),
    DeliverySucceeded(attempt=2, status=200),
    DeliveryDied(attempt=2, reason="out_of_attempts"),
    DeliveryRequeued(
        round=2,
        owner="a1",
        channel=LogChannel(),
        address=None,
        secret=None,
        retry=RetryPolicy(max_attempts=8, base=0.5, cap=60.0),
    ),
    InboxItemAdded(
        account="a1",
        reminder="r1",
        occurrence=1,
        due_at=AT,
        late=False,
        title="call Ada",
        body=None,
    ),
    InboxItemRead(),
]
