"""One at a time per key: commands on one stream pass in the order in which they came."""

import asyncio
from collections.abc import Hashable, Iterable


class Lanes:
    """A lock per key, made on first use and gone with its last user."""

    def __init__(self) -> None:
        """Start without any lane."""
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._users: dict[Hashable, int] = {}

    def hold(self, keys: Iterable[Hashable]) -> "Held":
        """Hold the lanes of all keys, taken in one order everywhere so that none can deadlock."""
        return Held(self, keys)

    async def take(self, key: Hashable) -> None:
        """Enter a lane, after everybody who came before."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._users[key] = self._users.get(key, 0) + 1
        try:
            await lock.acquire()
        except BaseException:
            self._leave(key)
            raise

    def free(self, key: Hashable) -> None:
        """Leave a lane that was entered."""
        self._locks[key].release()
        self._leave(key)

    def _leave(self, key: Hashable) -> None:
        self._users[key] -= 1
        if not self._users[key]:
            del self._users[key], self._locks[key]


class Held:
    """Lanes that are held for the length of an `async with`."""

    def __init__(self, lanes: Lanes, keys: Iterable[Hashable]) -> None:
        """Made by `Lanes.hold`."""
        self._lanes = lanes
        self._keys = sorted(set(keys), key=repr)
        self._held: list[Hashable] = []

    async def __aenter__(self) -> None:
        """Enter all lanes, or none."""
        try:
            for key in self._keys:
                await self._lanes.take(key)
                self._held.append(key)
        except BaseException:
            self._free()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Leave them in the opposite order."""
        self._free()

    def _free(self) -> None:
        while self._held:
            self._lanes.free(self._held.pop())
