"""Rate counters in Redis: one atomic script per check, by the server's own clock.

Whoever asks fails open (`application.rate_counter`): a raised `Outage` must not become a refusal.

All times are whole microseconds, so the sums are exact in Lua's doubles. A key holds a keyed
hash of tenant, limit and subject, and goes away when nothing is left to remember.
"""

import math
from collections.abc import Callable

from adapters.redis.client import RedisClient, Script
from application.rate_counter import LimitPolicy, Verdict

_CLOCK = """
local window, limit, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local cost, write, now = tonumber(ARGV[4]), ARGV[5] == '1', tonumber(ARGV[6])
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local kept = redis.call('GET', KEYS[1])
"""

_FIXED = Script(
    _CLOCK
    + """
local start, count = now - now % window, 0
if kept then
  local since, n = string.match(kept, '(%d+) (%d+)')
  if tonumber(since) >= start then count = tonumber(n) end
end
local left = start + window - now
local allowed = count + cost <= limit
if allowed and write then
  count = count + cost
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', start, count), 'PX',
    math.ceil(left / 1000))
end
local retry = 0
if not allowed then retry = cost > limit and -1 or left end
return {allowed and 1 or 0, math.max(0, limit - count), count > 0 and left or 0, retry}
"""
)

_SLIDING = Script(
    _CLOCK
    + """
local start, count, last = now - now % window, 0, 0
if kept then
  local since, n, m = string.match(kept, '(%d+) (%d+) (%d+)')
  since, n, m = tonumber(since), tonumber(n), tonumber(m)
  if since >= start then count, last = n, m
  elseif since == start - window then last = n end
end
local gone = now - start
local used = last * (window - gone) / window + count
local allowed = used + cost <= limit
if allowed and write then
  count, used = count + cost, used + cost
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', start, count, last), 'PX',
    math.ceil((2 * window - gone) / 1000))
end
local reset, retry = 0, 0
if count > 0 then reset = 2 * window - gone elseif last > 0 then reset = window - gone end
if not allowed then
  local room = limit - cost - count
  if cost > limit then retry = -1
  elseif room >= 0 then retry = math.ceil(window * (1 - room / last)) - gone + 1
  else
    retry = window - gone + math.max(0, math.ceil(window * (1 - (limit - cost) / count))) + 1
  end
end
return {allowed and 1 or 0, math.max(0, math.floor(limit - used)), reset, retry}
"""
)

# GCRA, kept as the debt behind its theoretical arrival time: in units of microseconds times
# limit, in which a token weighs the window and each microsecond pays `limit` back, all is whole.
_BUCKET = Script(
    _CLOCK
    + """
local debt = 0
if kept then
  local since, owed = string.match(kept, '(%d+) (%d+)')
  debt = math.max(0, tonumber(owed) - math.max(0, now - tonumber(since)) * limit)
end
local over = debt + cost * window - burst * window
local allowed = over <= 0
if allowed and write then
  debt = debt + cost * window
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', now, debt), 'PX',
    math.ceil(debt / limit / 1000))
end
local retry = 0
if not allowed then retry = cost > burst and -1 or math.ceil(over / limit) end
local left = math.max(0, math.floor((burst * window - debt) / window))
return {allowed and 1 or 0, left, math.ceil(debt / limit), retry}
"""
)

_SCRIPTS = {"fixed_window": _FIXED, "sliding_window": _SLIDING, "token_bucket": _BUCKET}
_MICROS = 1_000_000


class RedisRateCounter:
    """`RateCounter` over Redis."""

    def __init__(
        self,
        redis: RedisClient,
        subject_hash: Callable[[str], str],
        clock: Callable[[], int] | None = None,
    ) -> None:
        """`clock` (microseconds) replaces the server's, for tests only."""
        self._redis = redis
        self._hash = subject_hash
        self._clock = clock

    async def check(self, policy: LimitPolicy, subject: str, cost: int = 1) -> Verdict:
        """See `RateCounter.check`."""
        return await self._ask(policy, subject, cost, write=1)

    async def peek(self, policy: LimitPolicy, subject: str) -> Verdict:
        """See `RateCounter.peek`."""
        return await self._ask(policy, subject, 1, write=0)

    async def reset(self, policy: LimitPolicy, subject: str) -> None:
        """See `RateCounter.reset`."""
        await self._redis.execute("DEL", self._key(policy, subject))

    async def _ask(self, policy: LimitPolicy, subject: str, cost: int, *, write: int) -> Verdict:
        if cost < 1:
            raise ValueError("a check costs at least 1")
        burst = policy.limit if policy.burst is None else policy.burst
        window = round(policy.window * _MICROS)
        now = -1 if self._clock is None else self._clock()
        allowed, remaining, reset, retry = await self._redis.eval(
            _SCRIPTS[policy.algorithm],
            (self._key(policy, subject),),
            (window, policy.limit, burst, cost, write, now),
        )
        return Verdict(
            allowed=allowed == 1,
            limit=policy.limit,
            remaining=remaining,
            reset_after=reset / _MICROS,
            retry_after=math.inf if retry < 0 else retry / _MICROS,
        )

    def _key(self, policy: LimitPolicy, subject: str) -> str:
        hashed = self._hash(f"{policy.tenant}\0{policy.name}\0{subject}")
        return f"rate:{policy.algorithm}:{policy.window!r}:{hashed}"
