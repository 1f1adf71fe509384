"""Events of webhooks, one of each type."""

from domain.decider import Event
from domain.webhooks.hooks import HookClosed, HookOpened
from domain.webhooks.receipts import (
    WebhookContinued,
    WebhookParked,
    WebhookProcessed,
    WebhookReceived,
    WebhookReplayed,
)
from domain.webhooks.refusals import WebhooksRefused
from domain.webhooks.sources import (
    Dedup,
    Scheme,
    SourceDefined,
    SourceDeleted,
    SourceDisabled,
    SourceEnabled,
    ToAction,
)
from tests.golden.examples.moment import AT

EVENTS: list[Event] = [
    SourceDefined(
        hook="h1",
        subject="s1",
        preset="generic",
        secrets=["whsec_hush"],
        tolerance=300.0,
        dedup=Dedup(by="header", name="x-event-id"),
        scheme=Scheme(timestamp_header="x-time"),
        target=ToAction(name="mail", input="envelope"),
        schema="orders",
    ),
    SourceDisabled(),
    SourceEnabled(),
    SourceDeleted(),
    HookOpened(tenant="default", source="shop"),
    HookClosed(),
    WebhookReceived(
        source="shop",
        subject="s1",
        preset="stripe",
        external_id="evt_1",
        secret=1,
        signed_at=AT,
        size=4,
        headers={"content-type": "application/json"},
        encoding="utf-8",
        parts=2,
        body="tr",
    ),
    WebhookContinued(subject="s1", part=2, body="ue"),
    WebhookProcessed(round=1, target="action", name="mail", job="j1"),
    WebhookParked(
        subject="s1",
        round=1,
        reason="schema",
        faults=[{"pointer": "/to", "code": "required", "detail": "to is required"}],
    ),
    WebhookReplayed(round=2),
    WebhooksRefused(minute=AT, reason="signature", earlier_minute=AT, earlier_count=7),
]
