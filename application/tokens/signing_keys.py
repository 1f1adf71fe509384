"""Signing keys: the one that signs now, those that vouch, the first one, and rotation."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from application.bus import Run
from application.current import CurrentStates
from application.unit import Done, Unit
from domain.signing_keys import (
    INSTALLATION,
    SIGNING_KEYS,
    MakeFirstKey,
    RotateKey,
    SigningKey,
)


class KeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """An Ed25519 pair that was made just now; `id` is the public key's thumbprint (RFC 7638)."""

    id: str
    public_key: str
    private_key: str


@dataclass(frozen=True)
class SigningKeyRing:
    """Has the key that signs, and makes the first one when it is needed."""

    current: CurrentStates
    new_pair: Callable[[], KeyPair]
    now: Callable[[], datetime]

    async def signing(self, run: Run) -> SigningKey:
        """The key that signs; of two processes that need the first one, one makes it.

        Raises:
            Outage: when it is not kept here and the log does not answer.
        """
        keys = await self.current.get(SIGNING_KEYS, INSTALLATION)
        return keys.newest or await self._first(run)

    async def _first(self, run: Run) -> SigningKey:
        pair = self.new_pair()

        async def decide(unit: Unit) -> SigningKey:
            make = MakeFirstKey(
                key=pair.id,
                public_key=pair.public_key,
                private_key=pair.private_key,
                at=self.now(),
            )
            newest = (await unit.decide(SIGNING_KEYS, INSTALLATION, make)).newest
            assert newest is not None  # noqa: S101 - or the decider has made none
            return newest

        return (await run.aside(decide, lanes=[(SIGNING_KEYS, INSTALLATION)])).result


_PAUSE = 1.0  # seconds between two looks at the log for keys that nobody here knows


class VouchingKeys:
    """Finds the key that a token names.

    A key that another process has just made may sign before the log's tail has told of it here, so
    a name that is not known is looked for in the log itself; as strangers make names up, not often.
    """

    def __init__(self, current: CurrentStates) -> None:
        """`current` follows the log's tail."""
        self._current = current
        self._looking = asyncio.Lock()
        self._next_look = 0.0

    async def find(self, id_: str, at: datetime) -> SigningKey | None:
        """The key of this id, if it vouches at a moment.

        Raises:
            Outage: when it has to be looked for and the log does not answer.
        """
        keys = await self._current.get(SIGNING_KEYS, INSTALLATION)
        return keys.find(id_, at) or await self._look(id_, at)

    async def _look(self, id_: str, at: datetime) -> SigningKey | None:
        async with self._looking:  # who waits here profits from the look of who was before
            keys = await self._current.get(SIGNING_KEYS, INSTALLATION)
            now = asyncio.get_running_loop().time()
            if keys.find(id_, at) is None and now >= self._next_look:
                self._next_look = now + _PAUSE
                keys = await self._current.anew(SIGNING_KEYS, INSTALLATION)
            return keys.find(id_, at)


class RotateSigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """Sign with a new key; with `distrust_others` no token that exists is believed any more."""

    distrust_others: bool = False


@dataclass(frozen=True)
class RotateSigningKeyHandler:
    """Carries out `RotateSigningKey`."""

    new_pair: Callable[[], KeyPair]
    now: Callable[[], datetime]

    async def __call__(self, command: RotateSigningKey, run: Run) -> Done[SigningKey]:
        """Make the key; the others fade, or count no more at once.

        Raises:
            TooManySigningKeys: they were rotated faster than they fade.
        """
        pair = self.new_pair()

        async def decide(unit: Unit) -> SigningKey:
            rotate = RotateKey(
                key=pair.id,
                public_key=pair.public_key,
                private_key=pair.private_key,
                distrust_others=command.distrust_others,
                at=self.now(),
            )
            newest = (await unit.decide(SIGNING_KEYS, INSTALLATION, rotate)).newest
            assert newest is not None  # noqa: S101 - the decider has made one
            return newest

        return await run(decide, lanes=[(SIGNING_KEYS, INSTALLATION)])
