"""The webhook inbox's ports, wired."""

from dataclasses import dataclass

from adapters.crypto.master import MasterKey
from adapters.crypto.webhook_names import KeyedWebhookNames
from adapters.crypto.webhook_signatures import WebhookVerifier
from adapters.redis.client import RedisClient
from adapters.redis.webhook_refusals import RedisRefusalCounter
from application.codec import EventCodec
from application.event_store import EventStore
from application.webhooks.messages import MessageReader
from application.webhooks.ports import RefusalCounter, SignatureVerifier, WebhookNames


@dataclass(frozen=True, kw_only=True)
class WebhookPorts:
    """What only the webhook inbox needs."""

    names: WebhookNames
    verify: SignatureVerifier
    refusals: RefusalCounter
    read: MessageReader


def webhook_ports(
    master: MasterKey, redis: RedisClient, store: EventStore, codec: EventCodec
) -> WebhookPorts:
    """The ports of a running platform."""
    return WebhookPorts(
        names=KeyedWebhookNames(master),
        verify=WebhookVerifier(),
        refusals=RedisRefusalCounter(redis, master.subject_hash()),
        read=MessageReader(store, codec),
    )
