"""Tokens and API keys: how they are written, and what is kept of them.

They are 256 random bits, so a plain SHA-256 of one is all that has to be kept: there is nothing
to guess, and so nothing to slow down.
"""

import hashlib
import re
import secrets
from uuid import UUID

import msgspec

from application.one_time_tokens import NewToken

SECRET = r"[A-Za-z0-9_-]{43}"  # noqa: S105 - a pattern
"""How 256 random bits are written."""

_SESSION = re.compile("as_" + SECRET)
_NAMING = re.compile("([a-z]+)_([0-9a-f]{32})_" + SECRET)
_KEY = "annals"


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was made: its `text` is told once, its `hash` is kept."""

    id: UUID
    text: str
    hash: str


def new_secret() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def hash_token(text: str) -> str:
    """What is kept of a token or a key: its SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def made_token(text: str) -> NewToken:
    """A new token with what is kept of it."""
    return NewToken(text=text, hash=hash_token(text))


def new_session_token() -> NewToken:
    """`as_<secret>`."""
    return made_token(f"as_{new_secret()}")


def is_session_token(text: str) -> bool:
    """Whether a text has the form of a session's token."""
    return _SESSION.fullmatch(text) is not None


def new_naming_token(prefix: str, id_: UUID) -> NewToken:
    """`<prefix>_<id>_<secret>`: the id finds the stream that knows the token's hash."""
    return made_token(f"{prefix}_{id_.hex}_{new_secret()}")


def named_id(prefix: str, text: str) -> UUID | None:
    """The id in such a token; None when it is none with this prefix."""
    match = _NAMING.fullmatch(text)
    return UUID(hex=match[2]) if match is not None and match[1] == prefix else None


def make_api_key(id_: UUID) -> NewApiKey:
    """A key whose id finds its stream."""
    made = new_naming_token(_KEY, id_)
    return NewApiKey(id=id_, text=made.text, hash=made.hash)


def parse_api_key(text: str) -> UUID | None:
    """The id in a key's text; None when it is no key."""
    return named_id(_KEY, text)
