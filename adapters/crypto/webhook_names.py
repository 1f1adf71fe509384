"""Names in the webhook inbox: hooks that nobody guesses, and receipts that follow from messages.

A hook's id bears a seal of this installation, so that ids which somebody makes up are known for
what they are without a look into anything: a flood of them costs a hash each.
"""

import base64
import binascii
import hmac
import secrets
from uuid import UUID

from adapters.crypto.fields import field_context
from adapters.crypto.master import MasterKey

_RANDOM, _SEAL = 18, 12  # bytes
_LENGTH = (_RANDOM + _SEAL) * 4 // 3


class KeyedWebhookNames:
    """`WebhookNames` under keys of the installation."""

    def __init__(self, master: MasterKey) -> None:
        """Derive a key for each."""
        self._hooks = master.derive("webhook hooks")
        self._receipts = master.derive("webhook receipts")

    def new_hook(self) -> str:
        """See `WebhookNames.new_hook`: 144 random bits and 96 bits of seal, in base64url."""
        unguessable = secrets.token_bytes(_RANDOM)
        return base64.urlsafe_b64encode(unguessable + self._seal(unguessable)).decode()

    def is_hook(self, text: str) -> bool:
        """See `WebhookNames.is_hook`."""
        if len(text) != _LENGTH or not text.isascii():
            return False
        try:
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(self._seal(raw[:_RANDOM]), raw[_RANDOM:])

    def receipt(self, hook: str, mark: bytes) -> str:
        """See `WebhookNames.receipt`: a UUID of RFC 9562's version 8, made of a keyed hash."""
        digest = hmac.digest(self._receipts, field_context(hook) + mark, "sha256")
        number = int.from_bytes(digest[:16], "big")
        number &= ~(0xF000 << 64) & ~(0xC000 << 48)
        return str(UUID(int=number | 0x8000 << 64 | 0x8000 << 48))

    def _seal(self, unguessable: bytes) -> bytes:
        return hmac.digest(self._hooks, unguessable, "sha256")[:_SEAL]
