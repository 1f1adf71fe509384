"""Hears the log's notifications for the tail reader.

A notification only says "look now": none is ever missed for good, because the tail also polls,
rarely while this listener hears, often while it does not.
"""

import asyncio
import random

import structlog

from adapters.postgres.connect import Connection, close, connect, outages
from application.event_store import Outage
from application.tail import Tail

log = structlog.get_logger(__name__)

CHANNEL = "annals_log"
HEARTBEAT = 10.0  # seconds between proofs that the connection lives
LONGEST_PAUSE = 2.0  # seconds between tries to connect


class Listener:
    """A connection of its own that listens, for as long as `run` runs."""

    def __init__(self, url: str, tail: Tail) -> None:
        """Nothing is opened yet."""
        self._url = url
        self._tail = tail

    async def run(self) -> None:
        """Listen until cancelled, connecting again whenever the connection is lost."""
        pause = 0.05
        while True:
            try:
                await self._listen()
            except Outage as outage:
                log.warning("listener_interrupted", detail=outage.detail)
                pause = 0.05 if self._tail.listening else min(2 * pause, LONGEST_PAUSE)
            finally:
                self._tail.listening = False
                self._tail.wake()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    async def _listen(self) -> None:
        connection = await connect(self._url, role="annals_reader", name="annals tail")
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            async with outages():
                await connection.add_listener(CHANNEL, lambda *_: self._tail.wake())
                self._tail.listening = True
                self._tail.wake()  # something may have happened before the first word was heard
                await self._stay(connection, lost)
        finally:
            await close(connection)

    async def _stay(self, connection: Connection, lost: asyncio.Event) -> None:
        while not lost.is_set():
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await lost.wait()
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=HEARTBEAT)
