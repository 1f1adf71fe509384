"""What is derived from the log into Redis: built in generations, vouched for by a marker.

The marker names the log's incarnation, the run of the server that the builder saw before it began,
and the generation that is served. A connection only ever talks to one run of the server, so a
restart, a restored dump or a failover makes the marker foreign, and what it vouched for counts as
lost. A generation is a prefix of keys, `<kind>:<generation>:`; beside them lie

| key | holds |
|---|---|
| `<kind>:marker` | the marker |
| `<kind>:building` | the generation that is being built, until its builder is silent for too long |
| `<kind>:<generation>:position` | up to where the log was applied |
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from uuid import UUID

from adapters.redis.client import RedisClient, Script
from adapters.redis.link import ReplyError, Word
from application.event_store import Outage

_LEASE = 5000  # milliseconds; a builder that is silent for so long has lost its generation
_WAIT = 0.03  # seconds between two looks at another builder's progress

Fill = Callable[[str], Awaitable[tuple[UUID, int]]]
"""Fills a generation; gives the incarnation and the position that it then is at."""

_RENEW = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")

_RELEASE = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
""")

# KEYS: marker, building. ARGV: kind, generation, marker, position, and the names of keys in a
# generation that live as long as it is served.
_FINISH = Script("""
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
local old, new = redis.call('GET', KEYS[1]), ARGV[1] .. ':' .. ARGV[2] .. ':'
if old then
  local gone = ARGV[1] .. ':' .. string.match(old, '([^|]+)$') .. ':'
  redis.call('DEL', gone .. 'position')
  for i = 5, #ARGV do redis.call('UNLINK', gone .. ARGV[i]) end
end
for i = 5, #ARGV do redis.call('PERSIST', new .. ARGV[i]) end
redis.call('SET', new .. 'position', ARGV[4])
redis.call('SET', KEYS[1], ARGV[3])
redis.call('DEL', KEYS[2])
return 1
""")


@lru_cache(8)
def _vouched(incarnation: UUID, run_id: str) -> str:
    return f"{incarnation}|{run_id}|"


class Generations:
    """The generations of one kind of thing, and the marker that names the one that is served."""

    def __init__(
        self,
        redis: RedisClient,
        kind: str,
        incarnation: Callable[[], UUID | None],
        *,
        lasting: Sequence[str] = (),
    ) -> None:
        """`incarnation` tells the log's, as far as this process knows it.

        `lasting` names keys that a builder lets expire, so that nothing of an abandoned
        generation stays; they lose their expiry when it is served, and go when it no longer is.
        """
        self.marker = f"{kind}:marker"
        self.building = f"{kind}:building"
        self._redis = redis
        self._kind = kind
        self._incarnation = incarnation
        self._lasting = tuple(lasting)

    def vouched(self) -> str | None:
        """What a marker begins with that vouches for this log and this run of the server."""
        incarnation = self._incarnation()
        return None if incarnation is None else _vouched(incarnation, self._redis.run_id)

    def served(self, marker: bytes | None) -> str | None:
        """The generation that a valid marker names."""
        vouched = self.vouched()
        if marker is None or vouched is None:
            return None
        text = marker.decode()
        return text[len(vouched) :] if text.startswith(vouched) else None

    def key(self, generation: str, name: str) -> str:
        """The key of one thing in a generation."""
        return f"{self._kind}:{generation}:{name}"

    async def applied(self) -> int | None:
        """Up to which position the served generation is; None: there is none."""
        generation = self.served(await self._redis.execute("GET", self.marker))
        if generation is None:
            return None
        position = await self._redis.execute("GET", self.key(generation, "position"))
        return None if position is None else int(position)

    async def rebuild(self, fill: Fill) -> None:
        """Serve a generation, building it unless there is one; one process builds, others wait.

        Raises:
            Outage: when Redis does not answer, or the log is not known; and what `fill` raises.
        """
        while True:
            if self._incarnation() is None:
                raise Outage("the log is not known yet")
            if self.served(await self._redis.execute("GET", self.marker)) is not None:
                return
            run_id = self._redis.run_id
            generation = secrets.token_hex(8)
            lease = ("SET", self.building, generation, "NX", "PX", _LEASE)
            if await self._redis.execute(*lease) is None:
                await asyncio.sleep(random.uniform(_WAIT / 2, _WAIT))  # noqa: S311 - jitter
                continue
            async with self._leased(generation):
                incarnation, position = await fill(generation)
                marker = _vouched(incarnation, run_id) + generation
                args: list[Word] = [self._kind, generation, marker, position, *self._lasting]
                if await self._redis.eval(_FINISH, [self.marker, self.building], args):
                    return

    @asynccontextmanager
    async def _leased(self, generation: str) -> AsyncIterator[None]:
        """Renew the lease until the work is done; a failed builder makes room at once."""
        renewal = asyncio.create_task(self._renew(generation))
        try:
            yield
        except BaseException:
            with contextlib.suppress(Outage, ReplyError):
                await self._redis.eval(_RELEASE, [self.building], [generation])
            raise
        finally:
            renewal.cancel()

    async def _renew(self, generation: str) -> None:
        """A renewal that cannot be made is no error here: then the builder cannot finish."""
        with contextlib.suppress(Outage, ReplyError):
            while True:
                await asyncio.sleep(_LEASE / 3000)
                if not await self._redis.eval(_RENEW, [self.building], [generation, _LEASE]):
                    return
