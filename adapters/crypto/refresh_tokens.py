"""Refresh tokens as texts: `art_<family>_<secret>`, the secret of 256 random bits."""

import re
import secrets
from uuid import UUID

from adapters.crypto.tokens import hash_token
from application.token_making import GivenRefreshToken, NewRefreshToken

PREFIX = "art_"
_FORM = re.compile(PREFIX + r"([0-9a-f]{32})_[\w-]{43}", re.ASCII)


class RefreshTokenTexts:
    """`RefreshTokenForm`; the whole text is what is hashed."""

    def new(self, family: str) -> NewRefreshToken:
        """See `RefreshTokenForm.new`."""
        text = f"{PREFIX}{UUID(family).hex}_{secrets.token_urlsafe(32)}"
        return NewRefreshToken(text=text, hash=hash_token(text))

    def read(self, text: str) -> GivenRefreshToken | None:
        """See `RefreshTokenForm.read`."""
        form = _FORM.fullmatch(text)
        if form is None:
            return None
        return GivenRefreshToken(family=str(UUID(hex=form[1])), hash=hash_token(text))
