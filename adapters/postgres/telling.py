"""Tells other processes how far every follower is, seldom while nobody waits to hear it.

Each word reaches every process, which has to read it. So what somebody waits for is told at once,
and the rest a little later, with all that has been overtaken meanwhile left out.
"""

import asyncio
from contextlib import suppress

from adapters.postgres.checkpoints import Mark
from application.progress import Progress, Reached
from application.tail import Tail

ASKED = 0.001  # seconds between words
UNASKED = 0.05  # seconds between words while nobody waits
EAGER = 0.1  # seconds for which a wish lasts


class Telling:
    """The news of one projector."""

    def __init__(self, progress: Progress, tail: Tail, *, unasked: float = UNASKED) -> None:
        """`tail` knows the log's incarnation, and is hurried for those who wait.

        `unasked` is how many seconds lie between words while nobody does.
        """
        self._progress = progress
        self._unasked = unasked
        self._tail = tail
        self._news: dict[Mark, int] = {}
        self._told = asyncio.Event()
        self._asked = asyncio.Event()
        self._eager_until = 0.0

    def moved(self, mark: Mark, position: int) -> None:
        """A follower's rows include everything up to a position."""
        self._news[mark] = position
        self._told.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._tell())

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        async for position in self._progress.wishes():
            self._eager_until = loop.time() + EAGER
            self._tail.hurry(position)
            self._asked.set()

    async def _tell(self) -> None:
        """Tell the latest of every follower; what is overtaken meanwhile is never told."""
        loop = asyncio.get_running_loop()
        while True:
            await self._told.wait()
            self._told.clear()
            news, self._news = self._news, {}
            incarnation = self._tail.incarnation
            if incarnation is None:
                continue
            await self._progress.publish(
                [Reached(m.name, m.generation, at, incarnation) for m, at in news.items()]
            )
            await asyncio.sleep(ASKED)
            if loop.time() > self._eager_until:
                self._asked.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._unasked):
                        await self._asked.wait()
