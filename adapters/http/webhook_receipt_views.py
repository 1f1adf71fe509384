"""What webhook receipts look like on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from application.webhooks.messages import message_of
from application.webhooks.payloads import Unreadable, written
from domain.decider import Erased
from domain.recorded import Recorded
from domain.rejections import Fault
from domain.webhooks.receipts import RECEIPT, Cause, Receipt

ReceiptState = Literal["received", "processed", "parked"]


class ReceiptItem(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt in a list; `reason` is why it is parked, `job` the last one it caused."""

    id: str
    source: str
    external_id: str | None
    state: ReceiptState
    received_at: datetime
    reason: str | None
    job: str | None
    version: int


class ReceiptList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of receipts, newest first."""

    items: list[ReceiptItem]
    next: str | None


class VerdictView(msgspec.Struct, frozen=True, kw_only=True):
    """How the message was verified: by which secret, and as of when its provider signed it."""

    signature: Literal["valid"] = "valid"
    secret: int
    signed_at: datetime | None


class CauseView(msgspec.Struct, frozen=True, kw_only=True):
    """What one round of processing came to: a job, a line in the log, or a reason for neither."""

    round: int
    kind: Literal["action", "log", "parked"]
    name: str | None
    job: str | None
    reason: str | None
    errors: list[Fault]


class ReceiptView(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt; body, headers, ids and errors only for who may read personal data.

    `body` is the message's exact bytes in `encoding`; once erased, all of these are null.
    """

    id: str
    source: str
    external_id: str | None
    state: ReceiptState
    received_at: datetime
    preset: str
    verdict: VerdictView
    size: int
    headers: dict[str, str] | None
    encoding: str | None
    body: str | None
    caused: list[CauseView]
    round: int
    version: int


class ReplayView(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt that is processed again."""

    id: str
    state: ReceiptState
    round: int
    version: int


def view_of(id_: str, events: Sequence[Recorded[Any]], *, personal: bool) -> ReceiptView:
    """A receipt from what has happened to it, its beginning at least."""
    receipt = RECEIPT.fold(each.event for each in events)
    assert isinstance(receipt, Receipt)  # noqa: S101 - it has begun
    headers, encoding, body = _message(events) if personal else (None, None, None)
    return ReceiptView(
        id=id_,
        source=receipt.source,
        external_id=plain(receipt.external_id) if personal else None,
        state=receipt.phase,  # type: ignore[arg-type]  # phases are these words
        received_at=events[0].recorded_at,
        preset=receipt.preset,
        verdict=VerdictView(secret=receipt.secret, signed_at=receipt.signed_at),
        size=receipt.size,
        headers=headers,
        encoding=encoding,
        body=body,
        caused=[_cause(each, personal=personal) for each in receipt.causes],
        round=receipt.round,
        version=events[-1].version,
    )


def plain(text: str | Erased | None) -> str | None:
    """A text that may be shown; None once it is erased."""
    return None if isinstance(text, Erased) else text


def _message(
    events: Sequence[Recorded[Any]],
) -> tuple[dict[str, str] | None, str | None, str | None]:
    """Headers, encoding and body of a message, as far as they were not erased."""
    try:
        message = message_of(events)
    except Unreadable:
        return None, None, None
    try:
        return message.headers, "utf-8", message.body.decode()
    except UnicodeDecodeError:
        _, parts = written(message.body)
        return message.headers, "base64", "".join(parts)


def _cause(cause: Cause, *, personal: bool) -> CauseView:
    kind: Any = "parked" if cause.reason is not None else cause.target
    faults = cause.faults if personal and isinstance(cause.faults, list) else []
    return CauseView(
        round=cause.round,
        kind=kind,
        name=cause.name or None,
        job=cause.job,
        reason=cause.reason,
        errors=msgspec.convert(faults, list[Fault]),
    )
