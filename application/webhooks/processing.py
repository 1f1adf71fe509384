"""Processing: what a worker makes of a receipt, by what its source says when the worker begins.

A run of an action is queued in the append that says so, together with the claim and the end of the
effect: so a message causes one job, or none, whatever dies in between. What is refused for good is
parked with the reason, and a person replays it once that is mended.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from application.access import Principal
from application.actions import TriggerAction, TriggerActionHandler
from application.boundary import MAX_EVENT
from application.current import CurrentStates
from application.effects import Broken, Due
from application.limits import Caller
from application.reactions import Effect, Reaction
from application.schema_registry import SchemaRegistry
from application.unit import Unit
from application.webhooks.messages import Message, MessageReader
from application.webhooks.payloads import Unreadable, payload_of
from domain.jobs import JOB, QueueJob
from domain.recorded import Recorded
from domain.rejections import Fault, Invalid, LimitExceeded, Rejection
from domain.webhooks.receipts import (
    RECEIPT,
    RECEIVED,
    ParkWebhook,
    ProcessWebhook,
    Receipt,
    WebhookReceived,
    WebhookReplayed,
)
from domain.webhooks.sources import SOURCE, Source, ToAction, ToLog

PROCESS = "process-webhook"
MOST_FAULTS = 50
_LARGEST_INPUT = MAX_EVENT * 3 // 4 - 4096
"""Bytes of JSON that still fit into a job's event, sealed."""
_LONGEST_WAIT = 3600.0
"""Seconds after which a used-up limit is asked again, whatever it says."""

log = structlog.get_logger(__name__)


def react(_recorded: Recorded[WebhookReceived | WebhookReplayed]) -> Sequence[Effect]:
    """A message that has come, or is wanted again, is processed."""
    return [Effect(kind=PROCESS)]


REACTION = Reaction(
    name="webhooks", handles=(WebhookReceived, WebhookReplayed), react=react, from_start=True
)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line to be written into the platform's log."""

    name: str
    source: str
    receipt: str
    tenant: str
    size: int
    round: int


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """The action's limit is used up; to be tried again after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class ProcessReceipt:
    """The handler of the effect."""

    current: CurrentStates
    read: MessageReader
    registry: SchemaRegistry
    trigger: TriggerActionHandler
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    source = RECEIPT

    async def begin(self, unit: Unit, due: Due) -> Line | Later | None:
        """Queue the job or park the message; None: the effect is settled with that."""
        id_, round_ = due.event.stream_id, _round(due)
        receipt = await unit.load(RECEIPT, id_)
        if not isinstance(receipt, Receipt) or receipt.phase != RECEIVED or receipt.round != round_:
            return None
        # Not through the unit: what that loads, an append without events guards, and one batch
        # guards a stream once, so that all messages of a source would go one by one.
        source = await self.current.get(SOURCE, receipt.source, due.event.tenant)
        try:
            if not isinstance(source, Source) or source.subject != receipt.subject:
                raise Unreadable("source-gone")  # noqa: TRY301 - parked as all else is
            return await self._prepared(unit, due, receipt, source)
        except Unreadable as fault:
            reason, faults = fault.reason, fault.faults
        except LimitExceeded as used_up:
            return Later(seconds=min(used_up.retry_after, _LONGEST_WAIT))
        except Invalid as invalid:
            reason, faults = invalid.slug, invalid.faults
        except Rejection as refusal:
            reason = refusal.slug
            faults = (Fault(pointer="", code=refusal.slug, detail=refusal.detail),)
        told = [msgspec.to_builtins(fault) for fault in faults[:MOST_FAULTS]]
        park = ParkWebhook(round=round_, reason=reason, faults=told, at=due.at)
        await unit.decide(RECEIPT, id_, park)
        return None

    async def _prepared(
        self, unit: Unit, due: Due, receipt: Receipt, source: Source
    ) -> Line | None:
        target, tenant = source.target, due.event.tenant
        if isinstance(target, ToLog) and source.schema is None:
            return _line(due, receipt, target)
        message = await self.read(due.event)
        payload = payload_of(message.headers, message.body)
        if source.schema is not None:
            faults = await self.registry.faults(source.schema, payload, tenant=tenant)
            if faults:
                raise Unreadable("schema", *faults)
        if isinstance(target, ToLog):
            return _line(due, receipt, target)
        await self._queue(
            unit, due, receipt, target, _input(due, receipt, target, message, payload)
        )
        return None

    async def _queue(
        self, unit: Unit, due: Due, receipt: Receipt, target: ToAction, value: Any
    ) -> None:
        if len(msgspec.json.encode(value)) > _LARGEST_INPUT:
            detail = f"is more than the {_LARGEST_INPUT} bytes that an action's input may have"
            raise Unreadable("too-large", Fault(pointer="", code="too-large", detail=detail))
        id_, tenant = due.event.stream_id, due.event.tenant
        sender = Principal(actor=f"webhook-sender/{receipt.subject}", role="", tenant=tenant)
        caller = Caller(principal=sender, address="")
        await self.trigger.admit(TriggerAction(action=target.name, input=value, caller=caller))
        job = str(self.new_id())
        queue = QueueJob(action=target.name, requester=sender.id, input=value, at=due.at)
        unit.begin(JOB, job, queue)
        await unit.decide(RECEIPT, id_, _processed(receipt.round, target, job, due.at))

    def patience(self, _payload: Line | Later) -> float:
        """A line takes no time."""
        return 1.0

    async def carry_out(self, payload: Line | Later, _due: Due) -> Line | Later:
        """Write the line; nothing that the provider sent is in it."""
        if isinstance(payload, Line):
            log.info("webhook_received", **msgspec.structs.asdict(payload))
        return payload

    async def finish(
        self,
        unit: Unit,
        due: Due,
        payload: Line | Later,
        result: Line | Later | Broken,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Record the line, or when to come back."""
        if isinstance(payload, Later):
            return at + timedelta(seconds=max(payload.seconds, 1.0) + chance)
        if isinstance(result, Broken):
            return at + timedelta(seconds=1 + chance)
        line = ProcessWebhook(round=payload.round, target="log", name=payload.name, job=None, at=at)
        await unit.decide(RECEIPT, due.event.stream_id, line)
        return None


def _line(due: Due, receipt: Receipt, target: ToLog) -> Line:
    return Line(
        name=target.name,
        source=receipt.source,
        receipt=due.event.stream_id,
        tenant=due.event.tenant,
        size=receipt.size,
        round=receipt.round,
    )


def _input(due: Due, receipt: Receipt, target: ToAction, message: Message, payload: Any) -> Any:
    if target.input == "payload":
        return payload
    return {
        "receipt": due.event.stream_id,
        "source": receipt.source,
        "external_id": receipt.external_id,
        "headers": message.headers,
        "payload": payload,
    }


def _processed(round_: int, target: ToAction, job: str, at: datetime) -> ProcessWebhook:
    return ProcessWebhook(round=round_, target="action", name=target.name, job=job, at=at)


def _round(due: Due) -> int:
    event = due.event.event
    return event.round if isinstance(event, WebhookReplayed) else 1
