"""Counters of failed sign-ins in Redis, changed by atomic scripts.

Each subject is a hash: `n` failures (those in flight among them), `until` when nothing may be
tried, whether the `onset` was told, and the failures of the last `minute` that had any. Times are
milliseconds of the server's clock.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from adapters.redis.client import RedisClient, Script
from application.lockout import (
    ACCOUNT_POLICY,
    ADDRESS_POLICY,
    Attempt,
    Failure,
    Locked,
    LockoutPolicy,
    Report,
)

# ARGV: now (or -1), then threshold, delay, longest, forget of the account and of the address.
_PRELUDE = """
local now = tonumber(ARGV[1])
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function policy(i, field) return tonumber(ARGV[1 + (i - 1) * 4 + field]) end
local function get(i, field) return tonumber(redis.call('HGET', KEYS[i], field) or 0) end
local function touch(i)
  redis.call('HSET', KEYS[i], 'last', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[i], math.max(policy(i, 4), policy(i, 3)))
end
"""

_RESERVE = Script(
    _PRELUDE
    + """
local wait = 0
for i = 1, 2 do
  wait = math.max(wait, get(i, 'until') - now)
end
if wait > 0 then return wait end
for i = 1, 2 do
  local last = get(i, 'last')
  if last > 0 and now - last > policy(i, 4) then redis.call('DEL', KEYS[i]) end
  local over = redis.call('HINCRBY', KEYS[i], 'n', 1) - policy(i, 1)
  if over >= 0 then
    local pause = math.min(policy(i, 3), policy(i, 2) * 2 ^ math.min(over, 60))
    redis.call('HSET', KEYS[i], 'until', string.format('%.0f', now + pause))
  end
  touch(i)
end
return 0
"""
)

_FAILED = Script(
    _PRELUDE
    + """
local reports = {}
for i = 1, 2 do
  local onset = 0
  if get(i, 'n') >= policy(i, 1) then onset = redis.call('HSETNX', KEYS[i], 'onset', 1) end
  local minute, before, count = math.floor(now / 60000), get(i, 'minute'), get(i, 'count')
  local first = before ~= minute and 1 or 0
  redis.call('HSET', KEYS[i], 'minute', string.format('%.0f', minute))
  redis.call('HSET', KEYS[i], 'count', first == 1 and 1 or count + 1)
  touch(i)
  reports[i] = {onset, first, first == 1 and count or 0, before,
    math.max(0, get(i, 'until') - now)}
end
return reports
"""
)

_SUCCEEDED = Script(
    _PRELUDE
    + """
redis.call('HDEL', KEYS[1], 'n', 'until', 'onset')
if get(2, 'n') > 0 then redis.call('HINCRBY', KEYS[2], 'n', -1) end
redis.call('HDEL', KEYS[2], 'until')
return 1
"""
)


class RedisLockout:
    """`Lockout` over Redis."""

    def __init__(
        self,
        redis: RedisClient,
        subject_hash: Callable[[str], str],
        *,
        account: LockoutPolicy = ACCOUNT_POLICY,
        address: LockoutPolicy = ADDRESS_POLICY,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """`clock` (milliseconds) replaces the server's, for tests only."""
        self._redis = redis
        self._hash = subject_hash
        self._policies = [
            round(value) if name == "threshold" else round(value * 1000)
            for policy in (account, address)
            for name in ("threshold", "delay", "longest", "forget")
            for value in (getattr(policy, name),)
        ]
        self._clock = clock

    async def reserve(self, account: str, address: str) -> Attempt | Locked:
        """See `Lockout.reserve`."""
        attempt = Attempt(
            account=self._hash(f"account\0{account}"), address=self._hash(f"address\0{address}")
        )
        wait = await self._eval(_RESERVE, attempt)
        return Locked(retry_after=wait / 1000) if wait else attempt

    async def failed(self, attempt: Attempt) -> Failure:
        """See `Lockout.failed`."""
        account, address = await self._eval(_FAILED, attempt)
        return Failure(account=_report(*account), address=_report(*address))

    async def succeeded(self, attempt: Attempt) -> None:
        """See `Lockout.succeeded`."""
        await self._eval(_SUCCEEDED, attempt)

    async def _eval(self, script: Script, attempt: Attempt) -> Any:
        now = -1 if self._clock is None else self._clock()
        keys = (f"lockout:account:{attempt.account}", f"lockout:address:{attempt.address}")
        return await self._redis.eval(script, keys, (now, *self._policies))


def _report(onset: int, first: int, earlier: int, minute: int, locked: int) -> Report:
    return Report(
        onset=onset == 1,
        first_in_minute=first == 1,
        earlier_failures=earlier,
        earlier_minute=datetime.fromtimestamp(minute * 60, UTC) if earlier else None,
        locked_for=locked / 1000,
    )
