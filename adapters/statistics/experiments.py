"""Experiments' statistics by SciPy, the same as GrowthBook's `gbstats` computes.

SciPy is loaded by whoever first computes, never at the start of a process.
"""

import math
from collections.abc import Sequence

from application.experiments.statistics import TUNING, Comparison, Effect, Sample


class ScipyStatistics:
    """Implements `application.experiments.statistics.Statistics`."""

    def compare(self, control: Sample, sample: Sample, confidence: float) -> Comparison:
        """See `Statistics`."""
        if min(control.users, sample.users) < 2:  # noqa: PLR2004 - one has no variance
            return Comparison(flaw="too-few")
        if min(control.variance, sample.variance) <= 0:
            return Comparison(flaw="no-variance")
        a, b = control.variance / control.users, sample.variance / sample.users
        freedom = (a + b) ** 2 / (a**2 / (control.users - 1) + b**2 / (sample.users - 1))
        users, difference = control.users + sample.users, sample.mean - control.mean
        absolute = _effect(difference, a + b, freedom, users, confidence)
        if control.mean == 0:
            return Comparison(absolute=absolute)
        # the variance of a ratio, by the delta method
        variance = b / control.mean**2 + a * sample.mean**2 / control.mean**4
        relative = _effect(difference / control.mean, variance, freedom, users, confidence)
        return Comparison(absolute=absolute, relative=relative)

    def mismatch(self, users: Sequence[int], weights: Sequence[float]) -> float:
        """See `Statistics`: a chi-squared test of the split."""
        from scipy.special import chdtrc  # type: ignore[import-untyped]  # noqa: PLC0415 - see above

        everybody, whole = sum(users), sum(weights)
        if not everybody:
            return 1.0
        expected = [weight / whole * everybody for weight in weights]
        distance = sum((n - e) ** 2 / e for n, e in zip(users, expected, strict=True))
        return float(chdtrc(len(users) - 1, distance))


def _effect(
    uplift: float, variance: float, freedom: float, users: int, confidence: float
) -> Effect:
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415 - see above

    error = math.sqrt(variance)
    alpha = 1 - confidence
    width = float(stdtrit(freedom, 1 - alpha / 2)) * error
    wide = _sequential_width(variance, users, alpha)
    return Effect(
        uplift=uplift,
        interval=(uplift - width, uplift + width),
        p_value=2 * float(stdtr(freedom, -abs(uplift) / error)),
        sequential_interval=(uplift - wide, uplift + wide),
        sequential_p_value=_sequential_p_value(uplift, variance, users, alpha),
    )


def _rho_squared(alpha: float) -> float:
    """The mixture's parameter that is best at `TUNING` subjects (eq. 161 of the paper)."""
    return (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / TUNING


def _sequential_width(variance: float, users: int, alpha: float) -> float:
    """Half of the confidence sequence (eq. 9)."""
    spread = users * _rho_squared(alpha)
    return math.sqrt(
        variance
        * users
        * 2
        * (spread + 1)
        * math.log(math.sqrt(spread + 1) / alpha)
        / (users * spread)
    )


def _sequential_p_value(uplift: float, variance: float, users: int, alpha: float) -> float:
    """One over the evidence against no difference (eq. 155), at most 1."""
    rho = _rho_squared(alpha)
    grown = users * rho + 1
    evidence = rho * uplift**2 * users / variance / (2 * grown) - math.log(grown) / 2
    return math.exp(min(-evidence, 0.0))
