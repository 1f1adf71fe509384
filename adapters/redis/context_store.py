"""Recorded contexts in Redis: sealed, the latest of each subject, changed by atomic scripts.

A place has a hash of sealed contexts by subject, a sorted set of the same subjects by time, and the
time of its last erasure. All of them go when nothing has come for a week.
"""

from collections.abc import Callable, Sequence

from adapters.crypto.fields import ByteCipher
from adapters.redis.client import RedisClient, Script
from application.flags.recorded_contexts import KEPT, KEPT_FOR, Place, Sampled

# KEYS: contexts, times, erased. ARGV: how many to keep, for how long, the oldest time that is kept;
# then subject, time and context of each.
_ADD = Script("""
local erased = tonumber(redis.call('GET', KEYS[3]) or 0)
local function drop(subjects)
  for _, subject in ipairs(subjects) do redis.call('HDEL', KEYS[1], subject) end
end
for i = 4, #ARGV, 3 do
  if tonumber(ARGV[i + 1]) > erased then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
    redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i])
  end
end
drop(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[3]))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
local last = -1 - tonumber(ARGV[1])
drop(redis.call('ZRANGE', KEYS[2], 0, last))
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, last)
if #ARGV > 3 then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
return tostring(erased)
""")

# KEYS: contexts, times. ARGV: the oldest time that is kept.
_READ = Script("""
local subjects = redis.call('ZREVRANGEBYSCORE', KEYS[2], '+inf', '(' .. ARGV[1])
if #subjects == 0 then return {} end
return redis.call('HMGET', KEYS[1], unpack(subjects))
""")

# KEYS: contexts, times, erased. ARGV: the time, and for how long to know it.
_ERASE = Script("""
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[2])
""")


class RedisContextStore:
    """`ContextStore` over Redis; neither names nor contexts can be read there."""

    def __init__(
        self, redis: RedisClient, name_hash: Callable[[str], str], cipher: ByteCipher
    ) -> None:
        """`name_hash` hides places and subjects, `cipher` contexts."""
        self._redis = redis
        self._hash = name_hash
        self._cipher = cipher

    async def add(self, place: Place, sampled: Sequence[Sampled], now: float) -> float:
        """See `ContextStore`."""
        name = self._name(place)
        words: list[str | bytes | int | float] = []
        for each in sampled:
            subject = self._hash(f"{name}:{each.subject}")
            words += (subject, repr(each.at), self._cipher.seal(each.context, name.encode()))
        oldest = repr(now - KEPT_FOR)
        arguments = (KEPT, KEPT_FOR, oldest, *words)
        return float(await self._redis.eval(_ADD, _keys(name), arguments))

    async def read(self, place: Place, now: float) -> list[bytes]:
        """See `ContextStore`."""
        name = self._name(place)
        found = await self._redis.eval(_READ, _keys(name)[:2], (repr(now - KEPT_FOR),))
        return [self._cipher.open(each, name.encode()) for each in found if each is not None]

    async def erase(self, place: Place, now: float) -> None:
        """See `ContextStore`."""
        await self._redis.eval(_ERASE, _keys(self._name(place)), (repr(now), KEPT_FOR))

    def _name(self, place: Place) -> str:
        tenant, environment = place
        return self._hash(f"contexts:{tenant}\0{environment}")


def _keys(name: str) -> tuple[str, str, str]:
    return f"contexts:{{{name}}}", f"contexts:{{{name}}}:at", f"contexts:{{{name}}}:erased"
