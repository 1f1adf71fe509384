"""The port to tokens that open one thing once: those in mails, and refresh tokens.

A token names the stream that knows it, so that no index is needed, and holds 256 random bits; only
a hash is kept. Whatever is wrong with one is answered alike (`WrongToken`).
"""

from typing import Protocol

import msgspec


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was made: its `text` is told once, its `hash` is kept."""

    text: str
    hash: str


class GivenToken(msgspec.Struct, frozen=True, kw_only=True):
    """A text that has the form of a token: who owns it, and what would be kept of it."""

    owner: str
    hash: str


class OneTimeTokens(Protocol):
    """How such tokens are written; those of one purpose are none of another's."""

    def new(self, purpose: str, owner: str) -> NewToken:
        """An unguessable token of `owner`, the id (a UUID) of the stream that knows it."""
        ...

    def read(self, purpose: str, text: str) -> GivenToken | None:
        """What a text is that somebody gives; None where it is no token of this purpose."""
        ...
