"""Messages as they came: put together again from the events that hold them.

What a decision keeps of a receipt is without its body, so that many fit into memory; who needs the
body reads it here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from application.codec import EventCodec
from application.event_store import EventStore
from application.webhooks.payloads import Unreadable, bytes_of
from domain.decider import Erased
from domain.recorded import Recorded
from domain.webhooks.receipts import WebhookContinued, WebhookReceived


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """The exact bytes of a body, and the headers that were kept."""

    headers: dict[str, str]
    body: bytes


def message_of(events: Sequence[Recorded[Any]]) -> Message:
    """The message that the events of a receipt hold.

    Raises:
        Unreadable: it was erased.
    """
    first = events[0].event
    assert isinstance(first, WebhookReceived)  # noqa: S101 - that is how a receipt begins
    parts = [first.body]
    parts += [each.event.body for each in events if isinstance(each.event, WebhookContinued)]
    texts = [part for part in parts if not isinstance(part, Erased)]
    if len(texts) < len(parts) or not isinstance(first.headers, dict):
        raise Unreadable("erased")
    return Message(headers=first.headers, body=bytes_of(first.encoding, texts))


@dataclass(frozen=True)
class MessageReader:
    """Reads the message of the receipt that an event belongs to."""

    store: EventStore
    codec: EventCodec

    async def __call__(self, recorded: Recorded[Any]) -> Message:
        """The message; most are whole in their first event.

        Raises:
            Unreadable: it was erased.
            Outage: the log does not answer.
        """
        event = recorded.event
        if isinstance(event, WebhookReceived) and event.parts == 1:
            return message_of([recorded])
        stored = await self.store.read_stream((recorded.tenant, recorded.stream))
        mine = [each for each in stored if each.type in _MINE]
        return message_of(await self.codec.decode(mine))


_MINE = {"webhook.received", "webhook.continued"}
