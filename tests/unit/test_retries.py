"""Pauses double, stay below the cap, and are spread over everything below the ceiling."""

from hypothesis import given
from hypothesis import strategies as st

from domain.retries import RetryPolicy, backoff

seconds = st.floats(min_value=0.001, max_value=3600)
policies = st.builds(RetryPolicy, max_attempts=st.integers(1, 100), base=seconds, cap=seconds)
failures = st.integers(min_value=1, max_value=10_000)
chances = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(policies, failures, chances, seconds)
def test_a_pause_is_never_negative_and_never_above_the_cap(
    policy: RetryPolicy, count: int, chance: float, floor: float
) -> None:
    assert 0 <= backoff(policy, count, chance, not_before=floor) <= policy.cap


@given(policies, failures, chances)
def test_the_ceiling_never_sinks_with_more_failures(
    policy: RetryPolicy, count: int, chance: float
) -> None:
    assert backoff(policy, count, chance) <= backoff(policy, count + 1, chance)


@given(seconds, st.integers(1, 30), st.floats(min_value=0.001, max_value=0.999))
def test_below_the_cap_one_more_failure_doubles_the_pause(
    base: float, count: int, chance: float
) -> None:
    policy = RetryPolicy(base=base, cap=base * 2.0**31)
    assert backoff(policy, count + 1, chance) == 2 * backoff(policy, count, chance)


@given(policies, failures)
def test_full_jitter_reaches_down_to_nothing(policy: RetryPolicy, count: int) -> None:
    assert backoff(policy, count, 0.0) == 0.0


@given(policies, failures, chances, seconds)
def test_what_the_other_side_asks_for_is_kept_as_far_as_the_cap_allows(
    policy: RetryPolicy, count: int, chance: float, floor: float
) -> None:
    assert backoff(policy, count, chance, not_before=floor) >= min(floor, policy.cap)


def test_the_first_pause_is_drawn_below_the_base() -> None:
    policy = RetryPolicy(max_attempts=5, base=0.2, cap=30.0)
    assert backoff(policy, 1, 0.5) == 0.1
    assert backoff(policy, 4, 0.5) == 0.8
    assert backoff(policy, 20, 0.5) == 15.0
