"""The broker: Dramatiq over Redis, without any middleware of its own.

Attempts, pauses and dead letters are Annals' business and lie in Postgres, so Dramatiq's retries,
time limits and results stay off: a message is a hint that something is due, and losing one costs
a few seconds until the sweep sends it again.
"""

from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

QUEUE = "effects"
ACTOR = "carry_out"
CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0

Accept = Callable[[Sequence[Sequence[Any]]], None]
"""Takes the tickets of one message; returns when the message may be forgotten."""


def open_broker(url: str, namespace: str) -> RedisBroker:
    """A broker whose keys all begin with `namespace`; connects when it is first used."""
    client = redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 1),  # a connection that went stale; the rest is ours
    )
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=client, middleware=[], namespace=namespace
    )


def close_broker(broker: RedisBroker) -> None:
    """Let go of every connection."""
    broker.close()
    broker.client.close()


def declare(broker: RedisBroker, accept: Accept) -> "dramatiq.Actor[..., None]":
    """Declare the one actor; once per broker, because Dramatiq refuses a second of its name."""

    @dramatiq.actor(broker=broker, actor_name=ACTOR, queue_name=QUEUE)
    def carry_out(tickets: Sequence[Sequence[Any]]) -> None:
        """Carry out the effects that the tickets name."""
        accept(tickets)

    return carry_out
