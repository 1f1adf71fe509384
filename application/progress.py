"""How far read models are, told from the process that feeds them to those that wait for them.

Telling is a courtesy that saves time: whoever waits also looks at the checkpoints now and then,
so nothing is lost when a word is. In the other direction, who has to wait says for what, so that
nothing is left to gather before.
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
    """Carries `Reached` to every process, and wishes back, as soon as may be, or never."""

    async def publish(self, news: Sequence[Reached]) -> None:
        """Tell everybody. Being unable to is no error of the caller's."""
        ...

    def subscribe(self) -> AsyncIterator[Reached]:
        """What others tell from now on, for ever; a gap is silent."""
        ...

    def wish(self, position: int) -> None:
        """Say that somebody waits for a position, without waiting for anything."""
        ...

    def wishes(self) -> AsyncIterator[int]:
        """What others wish from now on, for ever; a gap is silent."""
        ...


class LocalProgress:
    """`Progress` within one process, for tests and for everything-in-one."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Reached]] = set()
        self._helpers: set[asyncio.Queue[int]] = set()

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

    def wish(self, position: int) -> None:
        """See `Progress.wish`."""
        for helper in self._helpers:
            helper.put_nowait(position)

    async def wishes(self) -> AsyncIterator[int]:
        """See `Progress.wishes`."""
        queue: asyncio.Queue[int] = asyncio.Queue()
        self._helpers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._helpers.discard(queue)
