"""Statistics: the same as GrowthBook's, and honest to who looks at them again and again."""

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import ProportionStatistic, SampleMeanStatistic
from gbstats.utils import check_srm

from adapters.statistics.experiments import ScipyStatistics
from application.experiments.statistics import TUNING, Comparison, Effect, Sample

STATISTICS = ScipyStatistics()
CLOSE = 1e-6

Theirs = ProportionStatistic | SampleMeanStatistic


def binary(users: int, converted: int) -> Sample:
    return Sample(kind="binary", users=users, total=float(converted), squares=float(converted))


def measured(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Sample:
    squares = float((values * values).sum())
    return Sample(kind="mean", users=len(values), total=float(values.sum()), squares=squares)


def theirs(sample: Sample) -> Theirs:
    if sample.kind == "binary":
        return ProportionStatistic(n=sample.users, sum=sample.total)
    return SampleMeanStatistic(n=sample.users, sum=sample.total, sum_squares=sample.squares)


def random_pair(random: np.random.Generator) -> tuple[Sample, Sample]:
    sizes = np.exp(random.uniform(np.log(3), np.log(200_000), 2)).astype(int)
    if random.random() < 0.5:
        rates = random.uniform(0.001, 0.999, 2)
        return tuple(
            binary(int(size), int(np.clip(random.binomial(size, rate), 1, size - 1)))
            for size, rate in zip(sizes, rates, strict=True)
        )  # type: ignore[return-value]
    make = random.choice([random.normal, random.lognormal, random.gamma])
    scales = random.uniform(0.1, 3, (2, 2))
    return tuple(
        measured(make(scale[0] + 1, scale[1], min(int(size), 5000)))
        for size, scale in zip(sizes, scales, strict=True)
    )  # type: ignore[return-value]


def close(ours: float, other: float) -> bool:
    return math.isclose(ours, other, rel_tol=CLOSE, abs_tol=CLOSE)


def agrees(ours: Effect, a: Theirs, b: Theirs, kind: str, alpha: float) -> None:
    fixed = TwoSidedTTest(a, b, FrequentistConfig(alpha=alpha, difference_type=kind))
    config = SequentialConfig(alpha=alpha, difference_type=kind, sequential_tuning_parameter=TUNING)
    sequential = SequentialTwoSidedTTest(a, b, config)
    with np.errstate(over="ignore"):
        one, other = fixed.compute_result(), sequential.compute_result()
    assert close(ours.uplift, one.expected)
    assert all(map(close, ours.interval, one.ci))
    assert close(ours.p_value, one.p_value)
    assert all(map(close, ours.sequential_interval, other.ci))
    assert close(ours.sequential_p_value, other.p_value)


def test_comparisons_are_those_of_gbstats() -> None:
    random = np.random.default_rng(20260101)
    for _ in range(400):
        control, sample = random_pair(random)
        confidence = float(random.choice([0.8, 0.9, 0.95, 0.99, 0.999]))
        ours = STATISTICS.compare(control, sample, confidence)
        assert ours.absolute is not None
        assert ours.relative is not None
        a, b, alpha = theirs(control), theirs(sample), 1 - confidence
        agrees(ours.absolute, a, b, "absolute", alpha)
        agrees(ours.relative, a, b, "relative", alpha)


def test_the_check_of_the_split_is_that_of_gbstats() -> None:
    random = np.random.default_rng(20260102)
    for _ in range(400):
        variants = int(random.integers(2, 7))
        weights = random.uniform(0.1, 10, variants)
        drift = random.choice([0.0, 0.02])
        shares = weights / weights.sum() * (1 + random.uniform(-drift, drift, variants))
        users = random.multinomial(random.integers(1, 100_000), shares / shares.sum())
        ours = STATISTICS.mismatch(users.tolist(), weights.tolist())
        assert close(ours, check_srm(users.tolist(), weights.tolist()))
    assert STATISTICS.mismatch([0, 0], [1, 1]) == 1.0


@pytest.mark.parametrize(
    ("control", "sample", "flaw"),
    [
        (binary(0, 0), binary(100, 5), "too-few"),
        (binary(100, 5), binary(1, 1), "too-few"),
        (binary(100, 0), binary(100, 5), "no-variance"),
        (binary(100, 5), binary(100, 100), "no-variance"),
        (measured(np.full(5, 2.0)), measured(np.arange(5.0)), "no-variance"),
    ],
)
def test_what_cannot_be_compared_is_said(control: Sample, sample: Sample, flaw: str) -> None:
    assert STATISTICS.compare(control, sample, 0.95) == Comparison(flaw=flaw)  # type: ignore[arg-type]


def test_a_control_around_nothing_has_no_relative_effect() -> None:
    around = measured(np.array([-1.0, 1.0, -1.0, 1.0]))
    compared = STATISTICS.compare(around, measured(np.arange(4.0)), 0.95)
    assert compared.absolute is not None
    assert compared.relative is None


def test_an_overwhelming_difference_is_no_overflow() -> None:
    compared = STATISTICS.compare(binary(10**9, 10), binary(10**9, 10**9 - 10), 0.95)
    assert compared.absolute is not None
    assert compared.absolute.sequential_p_value == 0.0
    assert compared.absolute.p_value == 0.0


def false_alarms(p_value: Callable[[Effect], float], *, runs: int, looks: int) -> float:
    """The share of experiments without a difference in which somebody who looks often sees one."""
    random = np.random.default_rng(20260103)
    alarms = 0
    for _ in range(runs):
        red, blue = (np.cumsum(random.random(50 * looks) < 0.2) for _ in range(2))
        for look in range(2, looks + 1):
            users = 50 * look
            control, sample = (
                binary(users, int(red[users - 1])),
                binary(users, int(blue[users - 1])),
            )
            found = STATISTICS.compare(control, sample, 0.95).absolute
            if found is not None and p_value(found) <= 0.05:
                alarms += 1
                break
    return alarms / runs


def test_the_sequential_p_value_keeps_its_error_rate_under_peeking() -> None:
    runs = 400
    sequential = false_alarms(lambda effect: effect.sequential_p_value, runs=runs, looks=100)
    fixed = false_alarms(lambda effect: effect.p_value, runs=runs, looks=100)
    assert sequential <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert fixed > 0.2  # which is why there is another


def test_a_real_difference_is_seen_in_the_end() -> None:
    random = np.random.default_rng(20260104)
    found = STATISTICS.compare(
        binary(20_000, int(random.binomial(20_000, 0.20))),
        binary(20_000, int(random.binomial(20_000, 0.23))),
        0.95,
    ).absolute
    assert found is not None
    assert found.sequential_p_value < 0.01
    assert found.sequential_interval[0] > 0
    assert found.sequential_interval[0] < found.interval[0]
    assert found.interval[1] < found.sequential_interval[1]


def test_no_process_loads_scipy_when_it_starts() -> None:
    program = (
        "import sys, adapters.processes.preloaded; "
        "print([name for name in sys.modules if name.split('.')[0] in {'numpy', 'scipy'}])"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert said.stdout.decode().strip() == "[]"
