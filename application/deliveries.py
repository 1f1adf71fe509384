"""Deliveries: what follows when one is queued, how an attempt goes, and how a dead one comes back.

To an inbox a delivery is a fact of the log, recorded together with the delivery's own success. All
other channels lead outside: a courier takes the parcel there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from application.bus import Run
from application.effects import Broken, Due
from application.executor import Failed, Succeeded
from application.reactions import Effect, Reaction
from application.unit import Done, Unit
from domain.channels import Channel, InboxChannel, Route
from domain.decider import Erased
from domain.deliveries import (
    DELIVERY,
    PENDING,
    RETRYING,
    RUNNING,
    Delivery,
    DeliveryQueued,
    DeliveryRequeued,
    FailDelivery,
    NoDelivery,
    NoSuchDelivery,
    RequeueDelivery,
    StartDelivery,
    SucceedDelivery,
)
from domain.inbox import INBOX_ITEM, AddItem, place
from domain.recorded import Recorded
from domain.reminders import REMINDER, Reminder

DELIVER = "deliver"


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a delivery; `attempt` counts from 1, `fired_at` is when the reminder fired."""

    delivery: str
    tenant: str
    attempt: int
    reminder: str
    occurrence: int
    due_at: datetime
    late: bool
    fired_at: datetime
    title: str
    body: str | None
    route: Route


class Courier(Protocol):
    """Takes parcels to where they go; safe to be called many times at once.

    Every attempt at a delivery bears the delivery's id, so that a receiver can tell a repetition.
    """

    async def __call__(self, parcel: Parcel) -> Succeeded | Failed:
        """Make one attempt. Failure is an answer, no error."""
        ...

    def patience(self, channel: Channel) -> float:
        """How many seconds an attempt by this channel may take at most."""
        ...


def react(_recorded: Recorded[DeliveryQueued | DeliveryRequeued]) -> Sequence[Effect]:
    """What was queued is delivered."""
    return [Effect(kind=DELIVER)]


REACTION = Reaction(
    name="deliveries", handles=(DeliveryQueued, DeliveryRequeued), react=react, from_start=True
)


@dataclass(frozen=True)
class Deliver:
    """Makes the attempts."""

    courier: Courier

    source = DELIVERY

    async def begin(self, unit: Unit, due: Due) -> Parcel | None:
        """Start the attempt, unless the delivery has ended or was queued anew."""
        id_ = due.event.stream_id
        delivery = await unit.load(DELIVERY, id_)
        if not isinstance(delivery, Delivery) or delivery.state not in PENDING:
            return None
        if delivery.round != _round(due):
            return None
        delivery = await unit.decide(DELIVERY, id_, StartDelivery(at=due.at))
        if not isinstance(delivery, Delivery) or delivery.state != RUNNING:
            return None
        if isinstance(delivery.route.channel, InboxChannel):
            await _put_into(delivery.route.channel.account, unit, id_, delivery, due.at)
            return None
        return _parcel(id_, delivery, due)

    def patience(self, payload: Parcel) -> float:
        """As long as the channel may take."""
        return self.courier.patience(payload.route.channel)

    async def carry_out(self, payload: Parcel, _due: Due) -> Succeeded | Failed:
        """Hand the parcel over; one whose words were erased goes nowhere."""
        if isinstance(payload.title, Erased) or isinstance(payload.body, Erased):
            return Failed(kind="invalid", detail="the text was erased", retryable=False)
        if isinstance(payload.route.address, Erased):
            return Failed(kind="invalid", detail="the address was erased", retryable=False)
        return await self.courier(payload)

    async def finish(
        self,
        unit: Unit,
        due: Due,
        payload: Parcel,
        result: Succeeded | Failed | Broken,
        at: datetime,
        chance: float,
    ) -> datetime | None:
        """Record the outcome; what comes too late says nothing."""
        id_ = due.event.stream_id
        if isinstance(result, Succeeded):
            arrived = SucceedDelivery(attempt=payload.attempt, status=result.status, at=at)
            await unit.decide(DELIVERY, id_, arrived)
            return None
        if isinstance(result, Broken):
            result = Failed(kind="broken", detail=result.error)
        failed = FailDelivery(
            attempt=payload.attempt,
            error=result.detail or result.kind,
            status=result.status,
            retryable=result.retryable,
            chance=chance,
            not_before=result.not_before,
            at=at,
        )
        delivery = await unit.decide(DELIVERY, id_, failed)
        if not isinstance(delivery, Delivery) or delivery.state != RETRYING:
            return None
        return delivery.retry_at


async def _put_into(account: str, unit: Unit, id_: str, delivery: Delivery, at: datetime) -> None:
    """The item and the success of its delivery are one append."""
    queued = delivery.queued
    add = AddItem(
        account=account,
        reminder=queued.reminder,
        occurrence=queued.occurrence,
        due_at=queued.due_at,
        late=queued.late,
        title=queued.title,
        body=queued.body,
        at=at,
    )
    await unit.decide(INBOX_ITEM, place(account, id_), add)
    arrived = SucceedDelivery(attempt=delivery.attempts, status=None, at=at)
    await unit.decide(DELIVERY, id_, arrived)


def _parcel(id_: str, delivery: Delivery, due: Due) -> Parcel:
    queued = delivery.queued
    return Parcel(
        delivery=id_,
        tenant=due.event.tenant,
        attempt=delivery.attempts,
        reminder=queued.reminder,
        occurrence=queued.occurrence,
        due_at=queued.due_at,
        late=queued.late,
        fired_at=due.event.recorded_at,
        title=queued.title,  # type: ignore[arg-type]  # `carry_out` refuses what was erased
        body=queued.body,  # type: ignore[arg-type]  # as above
        route=delivery.route,
    )


def _round(due: Due) -> int:
    event = due.event.event
    return event.round if isinstance(event, DeliveryRequeued) else 1


class TryAgain(msgspec.Struct, frozen=True, kw_only=True):
    """Queue a dead letter again; `requester` is whose it must be, None: anybody's."""

    delivery: str
    requester: str | None


@dataclass(frozen=True)
class TryAgainHandler:
    """Carries out `TryAgain`: by the way that the reminder names now."""

    now: Callable[[], datetime]

    async def __call__(self, command: TryAgain, run: Run) -> Done[NoDelivery | Delivery]:
        """Queue it.

        Raises:
            NoSuchDelivery: there is none, or it is somebody else's.
            DeliveryNotDead: it is no dead letter.
        """
        id_ = command.delivery

        async def decide(unit: Unit) -> NoDelivery | Delivery:
            delivery = await unit.load(DELIVERY, id_)
            if not isinstance(delivery, Delivery):
                raise NoSuchDelivery
            reminder = await unit.load(REMINDER, delivery.queued.reminder)
            assert isinstance(reminder, Reminder)  # noqa: S101 - it has fired this
            requeue = RequeueDelivery(
                delivery=id_,
                requester=command.requester,
                route=reminder.route,
                retry=reminder.retry,
                at=self.now(),
            )
            return await unit.decide(DELIVERY, id_, requeue)

        return await run(decide, lanes=[(DELIVERY, id_)])
