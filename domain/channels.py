"""Channels: the ways in which something that is due reaches somebody.

What is personal about a way (an e-mail address) and what is secret (the key that signs a webhook)
lies beside the channel, in fields of the event that are sealed.
"""

import msgspec

from domain.decider import Erased


class LogChannel(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="log"):
    """A line in the platform's own log."""


class WebhookChannel(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="webhook"):
    """A signed POST to a URL."""

    url: str


class EmailChannel(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="email"):
    """A message to the address that lies beside."""


class InboxChannel(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="inbox"):
    """An item in the inbox of an account or API key."""

    account: str


Channel = LogChannel | WebhookChannel | EmailChannel | InboxChannel


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A channel, and what of it is personal or secret."""

    channel: Channel
    address: str | Erased | None = None
    secret: str | None = None
