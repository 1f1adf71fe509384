"""Tokens that are sent by mail: `<purpose>_<id as 32 hexadecimal digits>_<43 of base64url>`."""

import re
import secrets
from uuid import UUID

from adapters.crypto.tokens import hash_token
from application.one_time_tokens import GivenToken, NewToken

_TOKEN = re.compile(r"([a-z]+)_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")


class MailedTokens:
    """`OneTimeTokens` whose purpose is their prefix."""

    def new(self, purpose: str, owner: str) -> NewToken:
        """See `OneTimeTokens.new`."""
        text = f"{purpose}_{UUID(owner).hex}_{secrets.token_urlsafe(32)}"
        return NewToken(text=text, hash=hash_token(text))

    def read(self, purpose: str, text: str) -> GivenToken | None:
        """See `OneTimeTokens.read`."""
        match = _TOKEN.fullmatch(text)
        if match is None or match[1] != purpose:
            return None
        return GivenToken(owner=str(UUID(hex=match[2])), hash=hash_token(text))
