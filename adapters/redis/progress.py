"""How far read models are, told over Redis to the processes that wait for them, and what for.

A courtesy that saves time, backed by a look at the checkpoints: a word that is lost in a
reconnection costs a moment, never an answer.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from adapters.redis.client import RedisClient
from adapters.redis.link import ReplyError
from application.event_store import Outage
from application.progress import Reached

_CHANNEL = "annals:progress"
_WISHES = "annals:progress:wishes"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds
_PING_EVERY = 15.0  # seconds; a subscription whose server is gone without a word is noticed

_decode = msgspec.json.Decoder(list[Reached]).decode


class ProgressChannel:
    """`application.progress.Progress` over Redis; each subscription has a connection of its own."""

    def __init__(self, client: RedisClient, url: str) -> None:
        """Publish through `client`, subscribe at `url`, the same server."""
        self._client = client
        self._url = url

    async def publish(self, news: Sequence[Reached]) -> None:
        """See `Progress.publish`."""
        with contextlib.suppress(Outage, ReplyError):
            await self._client.execute("PUBLISH", _CHANNEL, msgspec.json.encode(news))

    async def subscribe(self) -> AsyncIterator[Reached]:
        """See `Progress.subscribe`."""
        async with aclosing(self._heard(_CHANNEL)) as words:
            async for word in words:
                for each in _read(word):
                    yield each

    def wish(self, position: int) -> None:
        """See `Progress.wish`."""
        with contextlib.suppress(Outage):
            told = asyncio.ensure_future(self._client.send("PUBLISH", _WISHES, position))
            told.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def wishes(self) -> AsyncIterator[int]:
        """See `Progress.wishes`."""
        async with aclosing(self._heard(_WISHES)) as words:
            async for word in words:
                with contextlib.suppress(ValueError):  # one of another version's
                    yield int(word)

    async def _heard(self, name: str) -> AsyncGenerator[bytes]:
        """The words on a channel, over a connection that comes back by itself."""
        pause = _FIRST_PAUSE
        while True:
            server = redis.asyncio.Redis.from_url(self._url, health_check_interval=_PING_EVERY)
            try:
                async with server.pubsub(ignore_subscribe_messages=False) as channel:
                    await channel.subscribe(name)
                    while True:
                        message = await channel.get_message(timeout=_PING_EVERY)
                        if message is None:
                            continue
                        pause = _FIRST_PAUSE
                        if message["type"] == "message":
                            yield message["data"]
            except (RedisError, OSError):
                await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
                pause = min(pause * 2, _LONGEST_PAUSE)
            finally:
                await server.aclose()


def _read(data: bytes) -> Sequence[Reached]:
    """What a message tells; nothing where it is one of another version's."""
    try:
        return _decode(data)
    except msgspec.MsgspecError:
        return ()
