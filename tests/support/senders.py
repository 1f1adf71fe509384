"""Providers: messages signed the way each of them does it, some by their own libraries."""

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import stripe
from standardwebhooks.webhooks import Webhook

Headers = dict[str, str]
Signer = Callable[[str, bytes, str, datetime], Headers]
"""From a secret, a body, a message's id and a time to what the provider sends beside the body."""


def _standard(secret: str, body: bytes, id_: str, at: datetime) -> Headers:
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, at, body.decode()),
    }


def _github(secret: str, body: bytes, id_: str, _at: datetime) -> Headers:
    return {
        "x-github-event": "push",
        "x-github-delivery": id_,
        "x-hub-signature-256": f"sha256={_hex(secret, body)}",
    }


def _stripe(secret: str, body: bytes, _id: str, at: datetime) -> Headers:
    stamp = int(at.timestamp())
    signed = f"{stamp}.{body.decode()}"
    signature = stripe.WebhookSignature._compute_signature(signed, secret)
    return {"stripe-signature": f"t={stamp},v1={signature},v0={'0' * 64}"}


def _slack(secret: str, body: bytes, _id: str, at: datetime) -> Headers:
    stamp = str(int(at.timestamp()))
    signed = f"v0:{stamp}:".encode() + body
    return {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={_hex(secret, signed)}",
    }


def _generic(secret: str, body: bytes, id_: str, at: datetime) -> Headers:
    stamp = str(int(at.timestamp()))
    digest = hmac.digest(secret.encode(), stamp.encode() + b"." + body, "sha512")
    return {
        "x-shop-event": id_,
        "x-shop-time": stamp,
        "x-shop-signature": base64.b64encode(digest).decode(),
    }


def _hex(secret: str, signed: bytes) -> str:
    return hmac.digest(secret.encode(), signed, "sha256").hex()


SIGNERS: Mapping[str, Signer] = {
    "standard-webhooks": _standard,
    "github": _github,
    "stripe": _stripe,
    "slack": _slack,
    "generic": _generic,
}
GENERIC = {
    "scheme": {
        "signature_header": "X-Shop-Signature",
        "encoding": "base64",
        "algorithm": "sha512",
        "timestamp_header": "X-Shop-Time",
    },
    "dedup": {"header": "X-Shop-Event"},
}
"""How the generic sender's source is told to verify."""


def new_secret(preset: str) -> str:
    """A secret as the provider would make one."""
    if preset == "standard-webhooks":
        return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    return secrets.token_hex(16)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Message:
    """A message before it is signed; its id stands where the provider puts it."""

    id: str
    body: bytes


@dataclass
class Sender:
    """A provider that was given a hook's address."""

    preset: str
    secret: str = ""
    url: str = ""
    sent: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secret = self.secret or new_secret(self.preset)

    def message(self, said: Mapping[str, Any]) -> Message:
        """A new message that says this."""
        id_ = f"evt_{secrets.token_hex(8)}"
        body = json.dumps({"id": id_, "event_id": id_, **said}, ensure_ascii=False).encode()
        self.sent.append(Message(id_, body))
        return self.sent[-1]

    def headers(
        self, message: Message, *, late: timedelta = timedelta(), secret: str = ""
    ) -> Headers:
        """What goes with it, signed as of now."""
        sign = SIGNERS[self.preset]
        signed = sign(secret or self.secret, message.body, message.id, now() - late)
        return {"content-type": "application/json", **signed}
