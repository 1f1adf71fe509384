"""Receipts: one message of a provider, from its arrival to what it has caused.

A receipt's id follows from its source and from what tells the message apart, so that a second copy
of a message meets the stream of the first. The body is kept as it came, sealed under the source's
key; a large one lies in several events, because an event has a largest size.
"""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.decider import Command, Decider, Event, Personal, PersonalJson
from domain.rejections import NotFound
from domain.webhooks.sources import Preset

RECEIVED, PROCESSED, PARKED = "received", "processed", "parked"


class WebhookReceived(Event, frozen=True, kw_only=True, tag="webhook.received"):
    """A message was verified and is kept; `secret` says which of the source's fitted, from 1.

    `body` is the text that the bytes are in `encoding` (utf-8 or base64), of which `parts - 1`
    more events hold the rest.
    """

    PERSON = "subject"

    source: str
    subject: str
    preset: Preset
    external_id: Personal | None
    secret: int
    signed_at: datetime | None
    size: int
    headers: PersonalJson
    encoding: str
    parts: int
    body: Personal


class WebhookContinued(Event, frozen=True, kw_only=True, tag="webhook.continued"):
    """More of a message's body; parts count from 1, the receipt's own."""

    PERSON = "subject"

    subject: str
    part: int
    body: Personal


class WebhookProcessed(Event, frozen=True, kw_only=True, tag="webhook.processed"):
    """The message has caused what its source says: a run of an action, or a line in the log."""

    round: int
    target: str
    name: str
    job: str | None


class WebhookParked(Event, frozen=True, kw_only=True, tag="webhook.parked"):
    """The message causes nothing: it is not as it must be, or its target does not take it.

    `reason` is a code; `faults` point into the payload, and may quote it.
    """

    PERSON = "subject"

    subject: str
    round: int
    reason: str
    faults: PersonalJson


class WebhookReplayed(Event, frozen=True, kw_only=True, tag="webhook.replayed"):
    """Somebody wants the message processed again; rounds count from 1, the first arrival."""

    round: int


ReceiptEvent = (
    WebhookReceived | WebhookContinued | WebhookProcessed | WebhookParked | WebhookReplayed
)


class ReceiveWebhook(Command, frozen=True, kw_only=True):
    """Keep a message that was verified; `body` are its parts, one at least."""

    source: str
    subject: str
    preset: Preset
    external_id: str | None
    secret: int
    signed_at: datetime | None
    size: int
    headers: dict[str, str]
    encoding: str
    body: tuple[str, ...]
    at: datetime


class ProcessWebhook(Command, frozen=True, kw_only=True):
    """Record what the message has caused."""

    round: int
    target: str
    name: str
    job: str | None
    at: datetime


class ParkWebhook(Command, frozen=True, kw_only=True):
    """Record why the message causes nothing; `faults` are the JSON form of faults."""

    round: int
    reason: str
    faults: list[dict[str, str]]
    at: datetime


class ReplayWebhook(Command, frozen=True, kw_only=True):
    """Process the message again."""

    receipt: str
    at: datetime


ReceiptCommand = ReceiveWebhook | ProcessWebhook | ParkWebhook | ReplayWebhook


class NoReceipt(msgspec.Struct, frozen=True):
    """Nothing was received."""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """How one round ended: what it caused, or for which reason nothing."""

    round: int
    target: str = ""
    name: str = ""
    job: str | None = None
    reason: str | None = None
    faults: PersonalJson = ()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was received, without its body: many are kept in memory."""

    source: str
    subject: str
    preset: Preset
    external_id: Personal | None
    secret: int
    signed_at: datetime | None
    size: int
    phase: str
    round: int = 1
    causes: tuple[Cause, ...] = ()


class NoSuchReceipt(NotFound):
    """No such message was received."""

    slug = "no-such-webhook-receipt"
    title = "There is no such webhook receipt"


def decide(receipt: NoReceipt | Receipt, command: ReceiptCommand) -> list[ReceiptEvent]:
    """Answer a command with the events it causes."""
    if isinstance(command, ReceiveWebhook):
        return _receive(command) if isinstance(receipt, NoReceipt) else []
    if isinstance(receipt, NoReceipt):
        raise NoSuchReceipt
    match command:
        case ProcessWebhook():
            return _process(receipt, command)
        case ParkWebhook():
            return _park(receipt, command)
        case ReplayWebhook():
            return _replay(receipt)
        case _:
            assert_never(command)


def _receive(command: ReceiveWebhook) -> list[ReceiptEvent]:
    first, *others = command.body
    received = WebhookReceived(
        source=command.source,
        subject=command.subject,
        preset=command.preset,
        external_id=command.external_id,
        secret=command.secret,
        signed_at=command.signed_at,
        size=command.size,
        headers=command.headers,
        encoding=command.encoding,
        parts=len(command.body),
        body=first,
    )
    continued = [
        WebhookContinued(subject=command.subject, part=part, body=body)
        for part, body in enumerate(others, start=2)
    ]
    return [received, *continued]


def _is_open(receipt: Receipt, round_: int) -> bool:
    return receipt.phase == RECEIVED and receipt.round == round_


def _process(receipt: Receipt, command: ProcessWebhook) -> list[ReceiptEvent]:
    if not _is_open(receipt, command.round):
        return []
    return [
        WebhookProcessed(
            round=command.round, target=command.target, name=command.name, job=command.job
        )
    ]


def _park(receipt: Receipt, command: ParkWebhook) -> list[ReceiptEvent]:
    if not _is_open(receipt, command.round):
        return []
    return [
        WebhookParked(
            subject=receipt.subject,
            round=command.round,
            reason=command.reason,
            faults=command.faults,
        )
    ]


def _replay(receipt: Receipt) -> list[ReceiptEvent]:
    if receipt.phase == RECEIVED:
        return []
    return [WebhookReplayed(round=receipt.round + 1)]


def evolve(receipt: NoReceipt | Receipt, event: ReceiptEvent) -> NoReceipt | Receipt:
    """The receipt after an event."""
    if isinstance(event, WebhookReceived):
        return Receipt(
            source=event.source,
            subject=event.subject,
            preset=event.preset,
            external_id=event.external_id,
            secret=event.secret,
            signed_at=event.signed_at,
            size=event.size,
            phase=RECEIVED,
        )
    if isinstance(receipt, NoReceipt):
        return receipt
    match event:
        case WebhookContinued():
            return receipt
        case WebhookProcessed():
            return _ended(receipt, PROCESSED, _caused(event))
        case WebhookParked():
            cause = Cause(round=event.round, reason=event.reason, faults=event.faults)
            return _ended(receipt, PARKED, cause)
        case WebhookReplayed():
            return msgspec.structs.replace(receipt, phase=RECEIVED, round=event.round)
        case _:
            assert_never(event)


def _caused(event: WebhookProcessed) -> Cause:
    return Cause(round=event.round, target=event.target, name=event.name, job=event.job)


def _ended(receipt: Receipt, phase: str, cause: Cause) -> Receipt:
    return msgspec.structs.replace(receipt, phase=phase, causes=(*receipt.causes, cause))


RECEIPT: Decider[NoReceipt | Receipt, ReceiptCommand, ReceiptEvent] = Decider(
    category="webhook-receipt",
    events=ReceiptEvent,
    initial=NoReceipt(),
    decide=decide,
    evolve=evolve,
)
