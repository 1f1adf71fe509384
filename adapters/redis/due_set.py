"""What is due, in a sorted set of Redis whose scores are moments in milliseconds.

`application.due_set` argues why nothing is forgotten, and `adapters.redis.generations` what the
marker is worth. To take is one script: it checks the marker, takes what is due in the order of
its scores, and moves it to the end of the lease, from where it comes back by itself.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from adapters.redis.client import RedisClient, Script
from adapters.redis.generations import Generations
from adapters.redis.link import Word
from application.due_set import Change, DueLost, DueSource, Name, Taken

KIND = "due"
_SET = "set"
_BETWEEN = "\x1f"
_CHUNK = 500  # members in one command of a rebuild
_LONGEST_BUILD = 3_600_000  # milliseconds after which an abandoned build is gone

# Every script begins with the marker's check. KEYS: marker. ARGV[1]: what a valid one begins with.
_SERVED = """
local marker = redis.call('GET', KEYS[1])
if not marker or string.sub(marker, 1, #ARGV[1]) ~= ARGV[1] then return false end
local generation = 'due:' .. string.sub(marker, #ARGV[1] + 1) .. ':'
local set = generation .. 'set'
"""

# ARGV: now, the most to take, the end of the lease. Returns the members and the first score left.
_TAKE = Script(
    _SERVED
    + """
local due = redis.call('ZRANGE', set, '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, member in ipairs(due) do redis.call('ZADD', set, ARGV[4], member) end
local first = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
return {due, first[2] or ''}
"""
)

# ARGV: the end of the lease, then pairs of member and score ('': remove it).
_GIVE_BACK = Script(
    _SERVED
    + """
local lease = tonumber(ARGV[2])
for i = 3, #ARGV, 2 do
  local score = redis.call('ZSCORE', set, ARGV[i])
  if score and tonumber(score) == lease then
    if ARGV[i + 1] == '' then redis.call('ZREM', set, ARGV[i])
    else redis.call('ZADD', set, ARGV[i + 1], ARGV[i]) end
  end
end
return 1
"""
)

# ARGV: after, upto, then triples of position, member and score ('': remove it). Returns the
# position that is reached then.
_FOLLOW = Script(
    _SERVED
    + """
local reached = tonumber(redis.call('GET', generation .. 'position') or 0)
if reached < tonumber(ARGV[2]) or reached >= tonumber(ARGV[3]) then
  return string.format('%.0f', reached)
end
for i = 4, #ARGV, 3 do
  if tonumber(ARGV[i]) > reached then
    if ARGV[i + 2] == '' then redis.call('ZREM', set, ARGV[i + 1])
    else redis.call('ZADD', set, ARGV[i + 2], ARGV[i + 1]) end
  end
end
redis.call('SET', generation .. 'position', ARGV[3])
return ARGV[3]
"""
)


class RedisDueSet:
    """`DueSet` over Redis."""

    def __init__(self, redis: RedisClient, *, incarnation: Callable[[], UUID | None]) -> None:
        """`incarnation` tells the log's, as far as this process knows it."""
        self._redis = redis
        self._generations = Generations(redis, KIND, incarnation, lasting=(_SET,))

    async def take(self, now: datetime, *, limit: int, lease: timedelta) -> Taken:
        """See `DueSet.take`."""
        until = _ceiling(now + lease)
        members, first = await self._script(_TAKE, [_floor(now), limit, until])
        return Taken(
            names=[_name(member) for member in members],
            lease_until=_moment(until),
            next_at=_moment(float(first)) if first else None,
        )

    async def give_back(self, taken: Taken, due: Sequence[tuple[Name, datetime | None]]) -> None:
        """See `DueSet.give_back`."""
        args: list[Word] = [_ceiling(taken.lease_until)]
        for name, due_at in due:
            args += [_member(name), _score(due_at)]
        await self._script(_GIVE_BACK, args)

    async def follow(self, changes: Sequence[Change], *, after: int, upto: int) -> int:
        """See `DueSet.follow`."""
        args: list[Word] = [after, upto]
        for change in changes:
            args += [change.position, _member(change.name), _score(change.due_at)]
        return int(await self._script(_FOLLOW, args))

    async def applied(self) -> int | None:
        """See `DueSet.applied`."""
        return await self._generations.applied()

    async def rebuild(self, source: DueSource) -> None:
        """See `DueSet.rebuild`."""

        async def fill(generation: str) -> tuple[UUID, int]:
            key = self._generations.key(generation, _SET)
            rows = await source.load()
            async for batch in rows.batches:
                await self._add(key, batch)
            changes, position = await source.catch_up(rows.position, rows.incarnation)
            for change in changes:
                if change.due_at is None:
                    await self._redis.execute("ZREM", key, _member(change.name))
                else:
                    await self._add(key, [(change.name, change.due_at)])
            return rows.incarnation, position

        await self._generations.rebuild(fill)

    async def _add(self, key: str, batch: Sequence[tuple[Name, datetime]]) -> None:
        for start in range(0, len(batch), _CHUNK):
            chunk = batch[start : start + _CHUNK]
            await self._redis.execute("ZADD", key, *_scored(chunk))
        await self._redis.execute("PEXPIRE", key, _LONGEST_BUILD)

    async def _script(self, script: Script, args: Sequence[Word]) -> Any:
        """Run a script on the served generation.

        Raises:
            DueLost: when there is none.
        """
        vouched = self._generations.vouched()
        if vouched is None:
            raise DueLost
        answer = await self._redis.eval(script, [self._generations.marker], [vouched, *args])
        if answer is None:
            raise DueLost
        return answer


def _scored(batch: Sequence[tuple[Name, datetime]]) -> Iterable[Word]:
    for name, due_at in batch:
        yield from (_ceiling(due_at), _member(name))


def _member(name: Name) -> str:
    return f"{name.tenant}{_BETWEEN}{name.reminder}"


def _name(member: bytes) -> Name:
    tenant, _, reminder = member.decode().partition(_BETWEEN)
    return Name(tenant, reminder)


def _score(due_at: datetime | None) -> Word:
    return "" if due_at is None else _ceiling(due_at)


def _ceiling(moment: datetime) -> int:
    """In milliseconds, not earlier: what is taken is due by the microsecond too."""
    return math.ceil(moment.timestamp() * 1000)


def _floor(moment: datetime) -> int:
    return math.floor(moment.timestamp() * 1000)


def _moment(score: float) -> datetime:
    return datetime.fromtimestamp(score / 1000, UTC)
