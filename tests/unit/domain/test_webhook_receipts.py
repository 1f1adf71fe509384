"""Receipts of webhooks, and those that were refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.webhooks.receipts import (
    PARKED,
    PROCESSED,
    RECEIPT,
    RECEIVED,
    NoReceipt,
    NoSuchReceipt,
    ParkWebhook,
    ProcessWebhook,
    Receipt,
    ReceiptCommand,
    ReceiptEvent,
    ReceiveWebhook,
    ReplayWebhook,
    WebhookContinued,
    WebhookParked,
    WebhookProcessed,
    WebhookReceived,
    WebhookReplayed,
)
from domain.webhooks.refusals import REFUSALS, RecordRefusal, WebhooksRefused
from tests.support.deciders import given

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def receive(*body: str) -> ReceiveWebhook:
    return ReceiveWebhook(
        source="shop",
        subject="s1",
        preset="stripe",
        external_id="evt_1",
        secret=2,
        signed_at=AT,
        size=9,
        headers={"a": "b"},
        encoding="utf-8",
        body=body or ("whole",),
        at=AT,
    )


def received(*, body: str = "whole", parts: int = 1) -> WebhookReceived:
    return WebhookReceived(
        source="shop",
        subject="s1",
        preset="stripe",
        external_id="evt_1",
        secret=2,
        signed_at=AT,
        size=9,
        headers={"a": "b"},
        encoding="utf-8",
        parts=parts,
        body=body,
    )


def process(round_: int = 1) -> ProcessWebhook:
    return ProcessWebhook(round=round_, target="action", name="mail", job=f"j{round_}", at=AT)


def processed(round_: int = 1) -> WebhookProcessed:
    return WebhookProcessed(round=round_, target="action", name="mail", job=f"j{round_}")


FAULTS = [{"pointer": "/to", "code": "required", "detail": "to is required"}]


def park(round_: int = 1) -> ParkWebhook:
    return ParkWebhook(round=round_, reason="schema", faults=FAULTS, at=AT)


def parked(round_: int = 1) -> WebhookParked:
    return WebhookParked(subject="s1", round=round_, reason="schema", faults=FAULTS)


REPLAY = ReplayWebhook(receipt="r", at=AT)
REPLAYED = WebhookReplayed(round=2)


def test_a_message_is_received_processed_and_replayed() -> None:
    given(RECEIPT).when(receive()).then(received())
    given(RECEIPT, received()).when(process()).then(processed())
    given(RECEIPT, received(), processed()).when(REPLAY).then(REPLAYED)
    given(RECEIPT, received(), processed(), REPLAYED).when(process(2)).then(processed(2))


def test_a_large_message_lies_in_several_events() -> None:
    given(RECEIPT).when(receive("one", "two", "three")).then(
        received(body="one", parts=3),
        WebhookContinued(subject="s1", part=2, body="two"),
        WebhookContinued(subject="s1", part=3, body="three"),
    )


@pytest.mark.parametrize("more", [(), (processed(),), (parked(),), (parked(), REPLAYED)])
def test_a_copy_of_a_message_gives_no_event(more: tuple[ReceiptEvent, ...]) -> None:
    given(RECEIPT, received(), *more).when(receive("another", "body")).then()


def test_a_message_is_parked_and_replayed() -> None:
    given(RECEIPT, received()).when(park()).then(parked())
    given(RECEIPT, received(), parked()).when(REPLAY).then(REPLAYED)


def test_a_message_that_waits_is_not_replayed() -> None:
    given(RECEIPT, received()).when(REPLAY).then()
    given(RECEIPT, received(), parked(), REPLAYED).when(REPLAY).then()


def test_a_round_ends_once() -> None:
    given(RECEIPT, received(), processed()).when(process()).then()
    given(RECEIPT, received(), processed()).when(park()).then()
    given(RECEIPT, received(), parked(), REPLAYED).when(process(1)).then()


@pytest.mark.parametrize("command", [process(), park(), REPLAY])
def test_there_is_nothing_to_do_with_a_receipt_that_is_not_there(command: ReceiptCommand) -> None:
    given(RECEIPT).when(command).refused(NoSuchReceipt)


def test_a_receipt_remembers_how_each_round_ended() -> None:
    receipt = RECEIPT.fold([received(), parked(), REPLAYED, processed(2)])
    assert isinstance(receipt, Receipt)
    assert [(cause.reason, cause.job) for cause in receipt.causes] == [
        ("schema", None),
        (None, "j2"),
    ]


RECEIPT_EVENTS: list[ReceiptEvent] = [
    received(),
    WebhookContinued(subject="s1", part=2, body="two"),
    processed(),
    parked(),
    REPLAYED,
]


@for_all(st.lists(st.sampled_from(RECEIPT_EVENTS)))
def test_any_events_of_a_receipt_in_any_order_fold(events: list[ReceiptEvent]) -> None:
    assert isinstance(RECEIPT.fold(events), Receipt) == (received() in events)


@for_all(st.lists(st.sampled_from([receive(), process(), process(2), park(), park(2), REPLAY])))
def test_whatever_is_asked_a_round_ends_at_most_once(commands: list[ReceiptCommand]) -> None:
    state = RECEIPT.fold([received()])
    for command in commands:
        state = RECEIPT.fold(RECEIPT.decide(state, command), state)
    assert not isinstance(state, NoReceipt)
    rounds = [cause.round for cause in state.causes]
    assert rounds == list(range(1, len(rounds) + 1))
    assert state.phase in (RECEIVED, PROCESSED, PARKED)
    assert state.round == len(rounds) + (state.phase == RECEIVED)


def refusal(minute: datetime, count: int = 0) -> RecordRefusal:
    return RecordRefusal(
        minute=minute,
        reason="signature",
        earlier_minute=minute - MINUTE if count else None,
        earlier_count=count,
        at=minute,
    )


def refused(minute: datetime, count: int = 0) -> WebhooksRefused:
    return WebhooksRefused(
        minute=minute,
        reason="signature",
        earlier_minute=minute - MINUTE if count else None,
        earlier_count=count,
    )


def test_the_first_refusal_in_a_minute_is_told_with_those_of_the_minute_before() -> None:
    given(REFUSALS).when(refusal(AT)).then(refused(AT))
    given(REFUSALS, refused(AT)).when(refusal(AT + MINUTE, 41)).then(refused(AT + MINUTE, 41))


def test_a_minute_is_told_once_and_never_again() -> None:
    given(REFUSALS, refused(AT)).when(refusal(AT, 3)).then()
    given(REFUSALS, refused(AT)).when(refusal(AT - MINUTE)).then()


@for_all(st.lists(st.integers(0, 30), max_size=100))
def test_however_often_it_is_told_there_is_one_event_a_minute(minutes: list[int]) -> None:
    state = REFUSALS.initial
    events = []
    for minute in minutes:
        decided = REFUSALS.decide(state, refusal(AT + minute * MINUTE))
        events += decided
        state = REFUSALS.fold(decided, state)
    assert len(events) == len({event.minute for event in events})
