"""Hands tickets to the workers: up to 32 in a message, from a thread because redis-py blocks."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import redis
import structlog
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from adapters.dramatiq.broker import ACTOR, QUEUE
from application.effects import Ticket

PER_MESSAGE = 32
T = TypeVar("T")

log = structlog.get_logger(__name__)


class DramatiqSender:
    """`EffectSender` over a broker."""

    def __init__(
        self, broker: RedisBroker, *, on_lost: Callable[[int], None] = lambda _: None
    ) -> None:
        """`on_lost` hears how many tickets the broker did not take."""
        self._broker = broker
        self._on_lost = on_lost
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="send")
        self._length = f"{broker.namespace}:{QUEUE}"

    def close(self) -> None:
        """Send what is under way, and no more."""
        self._thread.shutdown(wait=True)

    async def send(self, tickets: Sequence[Ticket], *, delay: float = 0.0) -> bool:
        """See `EffectSender.send`."""
        if not tickets:
            return True
        milliseconds = round(delay * 1000) or None
        try:
            await self._in_thread(lambda: self._enqueue(tickets, milliseconds))
        except redis.RedisError as error:
            self._on_lost(len(tickets))
            log.warning("tickets_not_sent", error=type(error).__name__, count=len(tickets))
            return False
        return True

    async def backlog(self) -> int | None:
        """See `EffectSender.backlog`."""
        try:
            return await self._in_thread(lambda: int(self._broker.client.llen(self._length)))
        except redis.RedisError as error:
            log.warning("broker_away", error=type(error).__name__)
            return None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _enqueue(self, tickets: Sequence[Ticket], milliseconds: int | None) -> None:
        for start in range(0, len(tickets), PER_MESSAGE):
            some = [
                [each.reaction, each.tenant, each.position, each.attempt]
                for each in tickets[start : start + PER_MESSAGE]
            ]
            message: Message[None] = Message(
                queue_name=QUEUE, actor_name=ACTOR, args=(some,), kwargs={}, options={}
            )
            self._broker.enqueue(message, delay=milliseconds)
