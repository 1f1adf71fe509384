"""When to try again: exponential backoff with full jitter.

Full jitter (Brooker, "Exponential Backoff And Jitter", 2015) draws the whole pause at random below
a ceiling that doubles, so that what failed together does not come back together.
"""

import msgspec

_LAST_DOUBLING = 64  # beyond this every cap is long reached


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often to try in all, and how long to pause: `base` and `cap` in seconds."""

    max_attempts: int = 5
    base: float = 0.2
    cap: float = 30.0


def backoff(policy: RetryPolicy, failures: int, chance: float, *, not_before: float = 0.0) -> float:
    """The pause after so many failures (from 1) in a row, in seconds, never above the cap.

    `chance` in [0, 1) says where below the ceiling the pause lies. `not_before` is what the other
    side has asked for (a `Retry-After`); the pause is not shorter, as far as the cap allows.
    """
    doublings = min(max(failures, 1) - 1, _LAST_DOUBLING)
    ceiling = min(policy.cap, policy.base * 2.0**doublings)
    floor = max(not_before, 0.0)
    return min(policy.cap, floor + chance * ceiling)
