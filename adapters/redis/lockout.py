"""Counters of failed sign-ins in Redis, changed by atomic scripts.

Each subject is a hash: `n` failures as of `last`, how many attempts are `flying` and when the last
was reserved (`since`), `until` when nothing may be tried, whether a lock from `near` was told, and
the failures of the last `minute` that had any. `lifts` counts how often an account's failures were
forgotten: those from a range that have another count are void, so that nobody has to find them.
Times are milliseconds of the server's clock.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from adapters.redis.client import RedisClient, Script
from application.lockout import (
    Attempt,
    Busy,
    Failure,
    Locked,
    LockoutPolicies,
    address_range,
)

# KEYS: near, account, range, known. ARGV: now (or -1), orphan, known, then threshold, delay,
# longest, forget of each of the three.
_PRELUDE = """
local now = tonumber(ARGV[1])
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local orphan, known_for = tonumber(ARGV[2]), tonumber(ARGV[3])
local function policy(i, field) return tonumber(ARGV[3 + (i - 1) * 4 + field]) end
local function get(i, field) return tonumber(redis.call('HGET', KEYS[i], field) or 0) end
local function set(i, field, value)
  redis.call('HSET', KEYS[i], field, string.format('%.3f', value))
end
local function failures(i)
  local gone = now - get(i, 'last')
  if gone > policy(i, 4) then return 0 end
  return math.max(0, get(i, 'n') - gone * policy(i, 1) / policy(i, 4))
end
local function whole(i) return math.ceil(failures(i) - 0.01) end
local function fail(i, count)
  set(i, 'n', failures(i) + count)
  set(i, 'last', now)
  local over = whole(i) - policy(i, 1)
  if over >= 0 then
    set(i, 'until', now + math.min(policy(i, 3), policy(i, 2) * 2 ^ math.min(over, 60)))
  end
end
local function land(i) set(i, 'flying', math.max(0, get(i, 'flying') - 1)) end
local function know()
  redis.call('SET', KEYS[4], string.format('%.0f', now + known_for), 'PX', known_for)
end
local kept = 0
for i = 1, 3 do kept = math.max(kept, policy(i, 3), policy(i, 4)) end
local function keep(i) redis.call('PEXPIRE', KEYS[i], kept) end
local lifts = redis.call('HGET', KEYS[2], 'lifts') or '0'
if (redis.call('HGET', KEYS[1], 'lifts') or '0') ~= lifts then
  redis.call('HDEL', KEYS[1], 'n', 'until', 'last')
  redis.call('HSET', KEYS[1], 'lifts', lifts)
  keep(1)
end
"""

_RESERVE = Script(
    _PRELUDE
    + """
local known = tonumber(redis.call('GET', KEYS[4]) or 0) > now
for i = 1, 3 do
  local flying = get(i, 'flying')
  if flying > 0 and now - get(i, 'since') > orphan then
    set(i, 'flying', 0)
    fail(i, flying)
  end
end
local wait = 0
for i = 1, 3 do
  if i ~= 2 or not known then wait = math.max(wait, get(i, 'until') - now) end
end
if wait > 0 then return math.ceil(wait) end
for i = 1, 3 do
  local free = math.max(1, policy(i, 1) - whole(i))
  if (i ~= 2 or not known) and get(i, 'flying') >= free then return -i end
end
for i = 1, 3 do
  set(i, 'flying', get(i, 'flying') + 1)
  set(i, 'since', now)
  keep(i)
end
return 0
"""
)

_FAILED = Script(
    _PRELUDE
    + """
for i = 1, 3 do
  land(i)
  fail(i, 1)
  keep(i)
end
local onset = 0
if whole(2) >= policy(2, 1) then
  onset = 2
elseif whole(1) >= policy(1, 1) then
  onset = redis.call('HSETNX', KEYS[2], 'near', 1)
end
local near = onset == 2 and now or get(1, 'until')
local minute, before, count = math.floor(now / 60000), get(2, 'minute'), get(2, 'count')
local first = before ~= minute and 1 or 0
redis.call('HSET', KEYS[2], 'minute', string.format('%.0f', minute))
redis.call('HSET', KEYS[2], 'count', first == 1 and 1 or count + 1)
return {onset, first, first == 1 and count or 0, before,
  math.ceil(math.max(0, near - now, get(2, 'until') - now))}
"""
)

_SUCCEEDED = Script(
    _PRELUDE
    + """
for i = 1, 3 do land(i) end
redis.call('HDEL', KEYS[1], 'n', 'until', 'last')
redis.call('HDEL', KEYS[2], 'near')
know()
return 1
"""
)

_WITHDRAWN = Script(
    _PRELUDE
    + """
for i = 1, 3 do land(i) end
return 1
"""
)

_TRUST = Script(
    _PRELUDE
    + """
redis.call('HDEL', KEYS[1], 'n', 'until', 'last')
know()
return 1
"""
)

_FORGET = Script("""
redis.call('HDEL', KEYS[1], 'n', 'until', 'last', 'near')
redis.call('HINCRBY', KEYS[1], 'lifts', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
""")

_ONSETS: tuple[Literal["", "near", "everywhere"], ...] = ("", "near", "everywhere")


class RedisLockout:
    """`LockoutCounters` over Redis."""

    def __init__(
        self,
        redis: RedisClient,
        subject_hash: Callable[[str], str],
        *,
        policies: LockoutPolicies | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """`clock` (milliseconds) replaces the server's, for tests only."""
        self._redis = redis
        self._hash = subject_hash
        policies = policies or LockoutPolicies()
        self._arguments = [round(policies.orphan * 1000), round(policies.known * 1000)] + [
            each
            for policy in (policies.near, policies.account, policies.range)
            for each in (
                policy.threshold,
                round(policy.delay * 1000),
                round(policy.longest * 1000),
                round(policy.forget * 1000),
            )
        ]
        self._kept = max(
            round(max(policy.longest, policy.forget) * 1000)
            for policy in (policies.near, policies.account, policies.range)
        )
        self._clock = clock

    async def reserve(self, account: str, address: str) -> Attempt | Locked | Busy:
        """See `LockoutCounters.reserve`."""
        attempt = self._attempt(account, address)
        answer = await self._eval(_RESERVE, attempt)
        if answer > 0:
            return Locked(retry_after=answer / 1000)
        if answer < 0:
            return Busy((attempt.near, attempt.account, attempt.range)[-answer - 1])
        return attempt

    async def failed(self, attempt: Attempt) -> Failure:
        """See `LockoutCounters.failed`."""
        onset, first, earlier, minute, locked = await self._eval(_FAILED, attempt)
        return Failure(
            onset=_ONSETS[onset],
            first_in_minute=first == 1,
            earlier_failures=earlier,
            earlier_minute=datetime.fromtimestamp(minute * 60, UTC) if earlier else None,
            locked_for=locked / 1000,
        )

    async def succeeded(self, attempt: Attempt) -> None:
        """See `LockoutCounters.succeeded`."""
        await self._eval(_SUCCEEDED, attempt)

    async def withdrawn(self, attempt: Attempt) -> None:
        """See `LockoutCounters.withdrawn`."""
        await self._eval(_WITHDRAWN, attempt)

    async def trust(self, account: str, address: str) -> None:
        """See `LockoutCounters.trust`."""
        await self._eval(_TRUST, self._attempt(account, address))

    async def any_of(self, account: str) -> bool:
        """See `CountedFailures.any_of`."""
        key = f"lockout:account:{self._account(account)}"
        return bool(await self._redis.execute("HEXISTS", key, "n"))

    async def forget(self, account: str) -> None:
        """See `CountedFailures.forget`."""
        key = f"lockout:account:{self._account(account)}"
        await self._redis.eval(_FORGET, (key,), (self._kept,))

    def _attempt(self, account: str, address: str) -> Attempt:
        place = address_range(address)
        return Attempt(
            near=self._hash(f"near\0{place}\0{account}"),
            account=self._account(account),
            range=self._hash(f"range\0{place}"),
        )

    def _account(self, account: str) -> str:
        return self._hash(f"account\0{account}")

    async def _eval(self, script: Script, attempt: Attempt) -> Any:
        now = -1 if self._clock is None else self._clock()
        keys = (
            f"lockout:near:{attempt.near}",
            f"lockout:account:{attempt.account}",
            f"lockout:range:{attempt.range}",
            f"lockout:known:{attempt.near}",
        )
        return await self._redis.eval(script, keys, (now, *self._arguments))
