"""Tokens that open one thing once: their purpose is their prefix."""

from uuid import UUID

from adapters.crypto.tokens import hash_token, named_id, new_naming_token
from application.one_time_tokens import GivenToken, NewToken


class PrefixedTokens:
    """Implements `application.one_time_tokens.OneTimeTokens`."""

    def new(self, purpose: str, owner: str) -> NewToken:
        """See `OneTimeTokens.new`."""
        return new_naming_token(purpose, UUID(owner))

    def read(self, purpose: str, text: str) -> GivenToken | None:
        """See `OneTimeTokens.read`."""
        owner = named_id(purpose, text)
        return None if owner is None else GivenToken(owner=str(owner), hash=hash_token(text))
