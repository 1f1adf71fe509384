"""Deliveries on their way out: signed webhooks and e-mails, against real servers on loopback."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from adapters.crypto.standard_webhooks import key_of, new_secret, signature
from adapters.egress.client import open_client
from adapters.egress.couriers import Couriers, LogCourier, WebhookCourier
from adapters.egress.guard import EgressGuard
from adapters.egress.mail import EmailCourier
from adapters.settings import Settings
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


class Mailbox:
    """A mail server's handler: keeps messages, and answers a recipient as it was told."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.answer = "250 OK"

    async def handle_RCPT(  # noqa: N802 - as the library calls it
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(  # noqa: N802 - as above
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.envelopes.append(envelope)
        self.messages.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 OK"


def _only_annals(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, auth: Any
) -> AuthResult:
    right = LoginPassword(b"annals", b"hush")
    return AuthResult(success=auth == right, handled=auth == right)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def server(mailbox: Mailbox) -> AsyncIterator[asyncio.Server]:
    def speak() -> SMTP:
        return SMTP(mailbox, authenticator=_only_annals, auth_require_tls=False)

    listener = await asyncio.get_running_loop().create_server(speak, "127.0.0.1", 0)
    yield listener
    listener.close()


def settings(server: asyncio.Server, **change: Any) -> Settings:
    fields = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.sockets[0].getsockname()[1],
        "smtp_tls": "none",
        "smtp_from": "annals@example.org",
        **change,
    }
    return Settings(**fields)


async def test_a_message_arrives(server: asyncio.Server, mailbox: Mailbox) -> None:
    courier = EmailCourier(settings(server))
    sent = parcel(EmailChannel(), address="ada@example.org", title="tea\r\nBcc: eve@example.org")
    assert await courier(sent) == Succeeded()
    [message], [envelope] = mailbox.messages, mailbox.envelopes
    assert envelope.rcpt_tos == ["ada@example.org"]
    assert message["To"] == "ada@example.org"
    assert message["From"] == "annals@example.org"
    assert message["Subject"] == "tea Bcc: eve@example.org"
    assert message["Bcc"] is None
    assert message["Message-ID"] == f"<{DELIVERY}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Earl Grey" in message.get_content()
    assert ", late." in message.get_content()


async def test_we_sign_in_where_the_server_wants_it(
    server: asyncio.Server, mailbox: Mailbox
) -> None:
    sent = parcel(EmailChannel(), address="ada@example.org")
    right = settings(server, smtp_username="annals", smtp_password="hush")
    assert await EmailCourier(right)(sent) == Succeeded()
    wrong = settings(server, smtp_username="annals", smtp_password="guess")
    refused = await EmailCourier(wrong)(sent)
    assert isinstance(refused, Failed)
    assert refused.retryable
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize(
    ("answer", "status", "retryable"), [("550 unknown", 550, False), ("451 later", 451, True)]
)
async def test_a_refused_recipient(
    server: asyncio.Server, mailbox: Mailbox, answer: str, status: int, *, retryable: bool
) -> None:
    mailbox.answer = answer
    refused = await EmailCourier(settings(server))(parcel(EmailChannel(), address="a@example.org"))
    assert isinstance(refused, Failed)
    assert (refused.status, refused.retryable) == (status, retryable)
    assert "example.org" not in refused.detail


async def test_what_is_no_address_is_not_tried_again(
    server: asyncio.Server, mailbox: Mailbox
) -> None:
    courier = EmailCourier(settings(server))
    refused = await courier(parcel(EmailChannel(), address="ada@example.org\nBcc: eve@x.org"))
    assert isinstance(refused, Failed)
    assert not refused.retryable
    assert mailbox.messages == []


async def test_a_server_that_is_away_or_speaks_no_tls(server: asyncio.Server) -> None:
    sent = parcel(EmailChannel(), address="ada@example.org")
    plain = await EmailCourier(settings(server, smtp_tls="starttls"))(sent)
    assert isinstance(plain, Failed)
    gone = settings(server)
    server.close()
    away = await EmailCourier(gone)(sent)
    assert isinstance(away, Failed)
    assert (away.kind, away.retryable) == ("connect", True)


async def test_without_a_server_nothing_is_sent() -> None:
    refused = await EmailCourier(Settings())(parcel(EmailChannel(), address="ada@example.org"))
    assert isinstance(refused, Failed)
    assert (refused.kind, refused.retryable) == ("refused", False)


async def test_each_channel_has_its_courier(receiver: Receiver, webhook: WebhookCourier) -> None:
    couriers = Couriers(webhook, EmailCourier(Settings()), LogCourier())
    assert isinstance(await couriers(parcel(receiver.channel)), Succeeded)
    assert await couriers(parcel(LogChannel())) == Succeeded()
    assert isinstance(await couriers(parcel(EmailChannel(), address="a@example.org")), Failed)
    assert couriers.patience(receiver.channel) > couriers.patience(LogChannel())
    with pytest.raises(ValueError, match="inbox"):
        couriers.patience(InboxChannel(account="a1"))
