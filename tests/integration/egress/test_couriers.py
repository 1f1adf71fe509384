"""Deliveries on their way out: signed webhooks and e-mails, against real servers on loopback."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest

from adapters.crypto.standard_webhooks import key_of, new_secret, signature
from adapters.egress.client import open_client
from adapters.egress.couriers import Couriers, LogCourier, WebhookCourier
from adapters.egress.guard import EgressGuard
from adapters.egress.mail import EmailCourier
from adapters.memory.mailer import MemoryMailer
from adapters.settings_values import targets
from application.deliveries import Parcel
from application.executor import Failed, Succeeded
from domain.channels import Channel, EmailChannel, InboxChannel, LogChannel, Route, WebhookChannel

NOW = datetime(2030, 1, 1, tzinfo=UTC)
DELIVERY = "01a1fe4f-9165-7e05-9b7c-9ad1013e6990"
SECRET = new_secret()


def parcel(
    channel: Channel, *, address: str | None = None, title: str = "tea", attempt: int = 1
) -> Parcel:
    return Parcel(
        delivery=DELIVERY,
        tenant="default",
        attempt=attempt,
        reminder="r1",
        occurrence=3,
        due_at=NOW,
        late=True,
        fired_at=NOW,
        title=title,
        body="Earl Grey",
        route=Route(channel=channel, address=address, secret=SECRET),
    )


class Receiver:
    """An HTTP server that keeps what came and answers as it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.status = "200 OK"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head)
        }
        self.calls.append((headers, await reader.readexactly(int(headers["content-length"]))))
        answer = f"HTTP/1.1 {self.status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    @property
    def channel(self) -> WebhookChannel:
        return WebhookChannel(url=f"http://127.0.0.1:{self.port}/hook")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    listener = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = listener.sockets[0].getsockname()[1]
    yield receiver
    listener.close()


@pytest.fixture(params=["127.0.0.0/8"])
async def webhook(request: pytest.FixtureRequest) -> AsyncIterator[WebhookCourier]:
    guard = EgressGuard(targets(request.param) if request.param else ())
    async with open_client(guard) as client:
        yield WebhookCourier(client, now=lambda: NOW)
    guard.aclose()


async def test_a_webhook_is_signed_over_what_was_sent(
    receiver: Receiver, webhook: WebhookCourier
) -> None:
    assert await webhook(parcel(receiver.channel)) == Succeeded(status=200, excerpt="")
    [(headers, body)] = receiver.calls
    stamp = int(headers["webhook-timestamp"])
    assert stamp == NOW.timestamp()
    expected = signature(key_of(SECRET), DELIVERY, stamp, body)
    assert headers["webhook-signature"] == expected
    assert msgspec.json.decode(body) == {
        "type": "reminder.fired",
        "timestamp": "2030-01-01T00:00:00Z",
        "data": {
            "reminder": "r1",
            "occurrence": 3,
            "title": "tea",
            "body": "Earl Grey",
            "due_at": "2030-01-01T00:00:00Z",
            "late": True,
        },
    }


async def test_every_attempt_bears_the_same_id(receiver: Receiver, webhook: WebhookCourier) -> None:
    receiver.status = "503 Service Unavailable"
    first = await webhook(parcel(receiver.channel))
    assert isinstance(first, Failed)
    assert first.retryable
    await webhook(parcel(receiver.channel, attempt=2))
    ids = [(headers["webhook-id"], headers["idempotency-key"]) for headers, _ in receiver.calls]
    assert ids == [(DELIVERY, DELIVERY)] * 2
    assert [headers["annals-attempt"] for headers, _ in receiver.calls] == ["1", "2"]
    assert receiver.calls[0][1] == receiver.calls[1][1]


@pytest.mark.parametrize("webhook", [""], indirect=True)
async def test_a_webhook_does_not_reach_private_networks(
    receiver: Receiver, webhook: WebhookCourier
) -> None:
    refused = await webhook(parcel(receiver.channel))
    assert isinstance(refused, Failed)
    assert (refused.kind, refused.retryable) == ("refused", False)
    assert receiver.calls == []


async def test_a_reminder_by_e_mail_bears_the_deliverys_id() -> None:
    mailer = MemoryMailer()
    sent = parcel(EmailChannel(), address="ada@example.org")
    assert await EmailCourier(mailer)(sent) == Succeeded()
    [letter] = mailer.letters
    assert (letter.id, letter.to, letter.subject, letter.at) == (
        DELIVERY,
        "ada@example.org",
        "tea",
        NOW,
    )
    assert "Earl Grey" in letter.text
    assert ", late." in letter.text


async def test_without_a_mailer_nothing_is_sent() -> None:
    refused = await EmailCourier(None)(parcel(EmailChannel(), address="ada@example.org"))
    assert isinstance(refused, Failed)
    assert (refused.kind, refused.retryable) == ("refused", False)


async def test_each_channel_has_its_courier(receiver: Receiver, webhook: WebhookCourier) -> None:
    couriers = Couriers(webhook, EmailCourier(None), LogCourier())
    assert isinstance(await couriers(parcel(receiver.channel)), Succeeded)
    assert await couriers(parcel(LogChannel())) == Succeeded()
    assert isinstance(await couriers(parcel(EmailChannel(), address="a@example.org")), Failed)
    assert couriers.patience(receiver.channel) > couriers.patience(LogChannel())
    with pytest.raises(ValueError, match="inbox"):
        couriers.patience(InboxChannel(account="a1"))
