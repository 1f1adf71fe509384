"""Rate counters kept in memory: the algorithms in plain words, for tests and as their model."""

import math
import time
from collections.abc import Callable

from application.rate_counter import LimitPolicy, Verdict

_MICROS = 1_000_000
_Key = tuple[str, str, str, float, str]
_Answer = tuple[bool, int, float, float]
"""Allowed, remaining, reset after and retry after, the times in microseconds."""


class MemoryRateCounter:
    """`RateCounter` in one process."""

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        """`clock` gives microseconds."""
        self._clock = clock
        self._kept: dict[_Key, tuple[int, ...]] = {}

    async def check(self, policy: LimitPolicy, subject: str, cost: int = 1) -> Verdict:
        """See `RateCounter.check`."""
        if cost < 1:
            raise ValueError("a check costs at least 1")
        return self._ask(policy, subject, cost, write=True)

    async def peek(self, policy: LimitPolicy, subject: str) -> Verdict:
        """See `RateCounter.peek`."""
        return self._ask(policy, subject, 1, write=False)

    async def reset(self, policy: LimitPolicy, subject: str) -> None:
        """See `RateCounter.reset`."""
        self._kept.pop(_key(policy, subject), None)

    def _ask(self, policy: LimitPolicy, subject: str, cost: int, *, write: bool) -> Verdict:
        ask = {
            "fixed_window": self._fixed,
            "sliding_window": self._sliding,
            "token_bucket": self._bucket,
        }[policy.algorithm]
        allowed, remaining, reset, retry = ask(policy, _key(policy, subject), cost, write)
        return Verdict(
            allowed=allowed,
            limit=policy.limit,
            remaining=max(0, remaining),
            reset_after=reset / _MICROS,
            retry_after=retry / _MICROS,
        )

    def _fixed(self, policy: LimitPolicy, key: _Key, cost: int, write: bool) -> _Answer:  # noqa: FBT001 - one signature
        now, window = self._clock(), round(policy.window * _MICROS)
        start = now - now % window
        since, count = self._kept.get(key, (0, 0))
        count = count if since >= start else 0
        left = start + window - now
        allowed = count + cost <= policy.limit
        if allowed and write:
            count += cost
            self._kept[key] = (start, count)
        retry = 0.0 if allowed else math.inf if cost > policy.limit else left
        return allowed, policy.limit - count, left if count else 0, retry

    def _sliding(self, policy: LimitPolicy, key: _Key, cost: int, write: bool) -> _Answer:  # noqa: FBT001 - one signature
        now, window = self._clock(), round(policy.window * _MICROS)
        start = now - now % window
        since, count, last = self._kept.get(key, (0, 0, 0))
        if since < start:
            count, last = 0, count if since == start - window else 0
        gone = now - start
        used = last * (window - gone) / window + count
        allowed = used + cost <= policy.limit
        if allowed and write:
            count, used = count + cost, used + cost
            self._kept[key] = (start, count, last)
        reset = 2 * window - gone if count else window - gone if last else 0
        retry = 0.0 if allowed else self._slide(policy, cost, window, (gone, count, last))
        return allowed, math.floor(policy.limit - used), reset, retry

    def _slide(
        self, policy: LimitPolicy, cost: int, window: int, kept: tuple[int, int, int]
    ) -> float:
        """How long until enough of what was used has slid out of the window."""
        gone, count, last = kept
        if cost > policy.limit:
            return math.inf
        room = policy.limit - cost - count
        if room >= 0:
            return math.ceil(window * (1 - room / last)) - gone + 1
        after = max(0, math.ceil(window * (1 - (policy.limit - cost) / count)))
        return window - gone + after + 1

    def _bucket(self, policy: LimitPolicy, key: _Key, cost: int, write: bool) -> _Answer:  # noqa: FBT001 - one signature
        now, window = self._clock(), round(policy.window * _MICROS)
        burst = policy.limit if policy.burst is None else policy.burst
        since, owed = self._kept.get(key, (now, 0))
        debt = max(0, owed - max(0, now - since) * policy.limit)
        over = debt + cost * window - burst * window
        if over <= 0 and write:
            debt += cost * window
            self._kept[key] = (now, debt)
        retry = 0.0 if over <= 0 else math.inf if cost > burst else math.ceil(over / policy.limit)
        remaining = (burst * window - debt) // window
        return over <= 0, remaining, math.ceil(debt / policy.limit), retry


def _key(policy: LimitPolicy, subject: str) -> _Key:
    return (policy.tenant, policy.name, policy.algorithm, policy.window, subject)
