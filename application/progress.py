"""How far read models are, told from the process that feeds them to those that wait for them.

Telling is a courtesy that saves time: whoever waits also looks at the checkpoints now and then,
so nothing is lost when a word is.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol
from uuid import UUID

import msgspec


class Reached(msgspec.Struct, frozen=True):
    """A generation of a projection includes everything up to `position`."""

    name: str
    generation: int
    position: int
    incarnation: UUID


class Progress(Protocol):
    """Carries `Reached` to every process, as soon as may be, or never."""

    async def publish(self, news: Sequence[Reached]) -> None:
        """Tell everybody. Being unable to is no error of the caller's."""
        ...

    def subscribe(self) -> AsyncIterator[Reached]:
        """What others tell from now on, for ever; a gap is silent."""
        ...


class LocalProgress:
    """`Progress` within one process, for tests and for everything-in-one."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Reached]] = set()

    async def publish(self, news: Sequence[Reached]) -> None:
        """See `Progress.publish`."""
        for listener in self._listeners:
            for each in news:
                listener.put_nowait(each)

    async def subscribe(self) -> AsyncIterator[Reached]:
        """See `Progress.subscribe`."""
        queue: asyncio.Queue[Reached] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)
