"""Counters of refused webhooks in Redis, changed by one atomic script.

Each hook is a hash: the last `minute` that had any, and their `count`. It goes when nobody has
knocked for a day.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from adapters.redis.client import RedisClient, Script
from application.webhooks.ports import Tally

_FORGET = 86_400  # seconds

# ARGV: the minute (or -1 for the server's), and when to forget.
_COUNT = Script("""
local now = tonumber(ARGV[1])
if now < 0 then now = math.floor(tonumber(redis.call('TIME')[1]) / 60) end
local known = redis.call('HMGET', KEYS[1], 'minute', 'count')
local minute, count = tonumber(known[1] or 0), tonumber(known[2] or 0)
if minute == now then
  redis.call('HINCRBY', KEYS[1], 'count', 1)
  return {0, 0, 0, 0}
end
redis.call('HSET', KEYS[1], 'minute', now, 'count', 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {1, now, minute, count}
""")


class RedisRefusalCounter:
    """`RefusalCounter` over Redis."""

    def __init__(
        self,
        redis: RedisClient,
        subject_hash: Callable[[str], str],
        *,
        minute: Callable[[], int] = lambda: -1,
    ) -> None:
        """`minute` (since 1970) replaces the server's, for tests only."""
        self._redis = redis
        self._hash = subject_hash
        self._minute = minute

    async def count(self, hook: str) -> Tally | None:
        """See `RefusalCounter.count`."""
        key = f"webhook:refused:{self._hash('hook:' + hook)}"
        first, now, earlier, count = await self._redis.eval(
            _COUNT, (key,), (self._minute(), _FORGET)
        )
        if not first:
            return None
        return Tally(
            minute=_moment(now),
            earlier_minute=_moment(earlier) if count else None,
            earlier_count=count,
        )


def _moment(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
