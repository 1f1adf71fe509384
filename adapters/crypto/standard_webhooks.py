"""Signatures by Standard Webhooks 1.0.0, as receivers of our calls verify them.

The signed content is the message's id, the time in seconds and the body, joined by full stops; the
signature is an HMAC-SHA256 under the secret's bytes, written in base64 behind its version. Several
signatures stand in one header while a secret is being replaced
(https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
"""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"
VERSION = "v1"

_SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh secret in its written form."""
    return PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes behind a secret's written form.

    Raises:
        ValueError: when what follows the prefix is not base64.
    """
    try:
        return b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as fault:
        raise ValueError("a secret is base64, behind whsec_") from fault


def signature(key: bytes, message: str, timestamp: int, body: bytes) -> str:
    """One signature of a message, as it stands in the header."""
    content = f"{message}.{timestamp}.".encode() + body
    return f"{VERSION},{b64encode(hmac.digest(key, content, 'sha256')).decode()}"


def sign(keys: Sequence[bytes], message: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that go with a message: its id stays the same when it is sent again."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message, timestamp, body) for key in keys),
    }
