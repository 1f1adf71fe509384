"""What takes deliveries to where they go: a signed POST, an e-mail, or a line in the log."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import assert_never

import httpx
import msgspec
import structlog

from adapters.crypto.standard_webhooks import key_of, sign
from adapters.egress.client import open_client
from adapters.egress.exchange import exchange
from adapters.egress.guard import EgressGuard
from adapters.egress.mail import EmailCourier
from adapters.egress.open import own_servers
from adapters.egress.urls import check_url
from adapters.settings import Settings
from application.deliveries import Courier, Parcel
from application.executor import Failed, Succeeded
from application.mail import Mailer
from domain.channels import Channel, EmailChannel, InboxChannel, LogChannel, WebhookChannel

WEBHOOK_TIMEOUT = 10.0  # seconds

log = structlog.get_logger(__name__)


class WebhookCourier:
    """Posts what a reminder says, signed by Standard Webhooks.

    Every attempt bears the delivery's id as `webhook-id` and `Idempotency-Key`;
    `Annals-Attempt` counts.
    """

    def __init__(self, client: httpx.AsyncClient, *, now: Callable[[], datetime]) -> None:
        """The client is guarded already."""
        self._client = client
        self._now = now

    def patience(self, _channel: Channel) -> float:
        """See `Courier.patience`."""
        return WEBHOOK_TIMEOUT + 1.0

    async def __call__(self, parcel: Parcel) -> Succeeded | Failed:
        """See `Courier`."""
        return await exchange(
            self._client, lambda: self._request(parcel), within=WEBHOOK_TIMEOUT, now=self._now
        )

    def _request(self, parcel: Parcel) -> httpx.Request:
        channel, secret = parcel.route.channel, parcel.route.secret
        assert isinstance(channel, WebhookChannel)  # noqa: S101 - `Couriers` chooses
        body = msgspec.json.encode(_message(parcel))
        keys = [] if secret is None else [key_of(secret)]
        headers = {
            **sign(keys, parcel.delivery, self._now(), body),
            "content-type": "application/json",
            "idempotency-key": parcel.delivery,
            "annals-attempt": str(parcel.attempt),
        }
        return self._client.build_request(
            "POST", check_url(channel.url), headers=headers, content=body
        )


def _message(parcel: Parcel) -> dict[str, object]:
    """The payload, in the shape that Standard Webhooks recommends; the same at every attempt."""
    return {
        "type": "reminder.fired",
        "timestamp": parcel.fired_at,
        "data": {
            "reminder": parcel.reminder,
            "occurrence": parcel.occurrence,
            "title": parcel.title,
            "body": parcel.body,
            "due_at": parcel.due_at,
            "late": parcel.late,
        },
    }


class LogCourier:
    """Says that a reminder is due; nothing that a person typed in is in the line."""

    def patience(self, _channel: Channel) -> float:
        """See `Courier.patience`."""
        return 1.0

    async def __call__(self, parcel: Parcel) -> Succeeded | Failed:
        """See `Courier`."""
        log.info(
            "reminder_due",
            reminder=parcel.reminder,
            occurrence=parcel.occurrence,
            delivery=parcel.delivery,
            due_at=parcel.due_at.isoformat(),
            late=parcel.late,
            tenant=parcel.tenant,
        )
        return Succeeded()


class Couriers:
    """The courier of each kind of channel."""

    def __init__(self, webhook: Courier, email: Courier, to_log: Courier) -> None:
        """One for each kind that leads outside."""
        self._webhook = webhook
        self._email = email
        self._log = to_log

    def _of(self, channel: Channel) -> Courier:
        match channel:
            case WebhookChannel():
                return self._webhook
            case EmailChannel():
                return self._email
            case LogChannel():
                return self._log
            case InboxChannel():
                raise ValueError("what goes to an inbox goes nowhere else")
            case _:
                assert_never(channel)

    def patience(self, channel: Channel) -> float:
        """See `Courier.patience`."""
        return self._of(channel).patience(channel)

    async def __call__(self, parcel: Parcel) -> Succeeded | Failed:
        """See `Courier`."""
        return await self._of(parcel.route.channel)(parcel)


@asynccontextmanager
async def opened_couriers(
    settings: Settings, mailer: Mailer | None, now: Callable[[], datetime]
) -> AsyncIterator[Courier]:
    """What takes deliveries out, guarded by this installation's settings."""
    guard = EgressGuard(settings.egress_allow, own_servers(settings))
    try:
        async with open_client(guard) as client:
            yield Couriers(WebhookCourier(client, now=now), EmailCourier(mailer), LogCourier())
    finally:
        guard.aclose()
