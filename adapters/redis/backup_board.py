"""How far workers are with backups, in Redis: lost without loss, and gone by itself."""

import contextlib
from collections.abc import Callable
from uuid import UUID

import msgspec

from adapters.redis.client import RedisClient
from adapters.redis.link import ReplyError
from application.backups import Progress
from application.event_store import Outage

_KEPT = 10  # seconds

_decode = msgspec.json.Decoder(Progress).decode


class RedisBackupBoard:
    """`ProgressBoard` over Redis."""

    def __init__(self, redis: RedisClient, incarnation: Callable[[], UUID]) -> None:
        """What one log's workers tell is not told of another's."""
        self._redis = redis
        self._incarnation = incarnation

    async def tell(self, version: str, progress: Progress) -> None:
        """See `ProgressBoard.tell`."""
        with contextlib.suppress(Outage, ReplyError):
            encoded = msgspec.json.encode(progress)
            await self._redis.execute("SET", self._key(version), encoded, "EX", str(_KEPT))

    async def told(self, version: str) -> Progress | None:
        """See `ProgressBoard.told`."""
        with contextlib.suppress(Outage, ReplyError, msgspec.MsgspecError):
            found = await self._redis.execute("GET", self._key(version))
            return None if found is None else _decode(found)
        return None

    def _key(self, version: str) -> str:
        return f"annals:{self._incarnation()}:backup:{version}"
