"""The port to statistics: what two samples say about each other.

All tests are two-sided, and samples may differ in variance (Welch). `relative` effects are shares
of the control's mean. A sequential interval and p-value hold however often and whenever somebody
looks (an asymptotic confidence sequence: Waudby-Smith et al., https://arxiv.org/abs/2103.06476);
the others hold for who looks once, at a time fixed beforehand.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from domain.experiments.design import MetricKind

TUNING = 5000.0
"""The number of subjects at which the sequential interval is narrowest, in comparison."""

Flaw = Literal["too-few", "no-variance"]
"""Why two samples cannot be compared."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a variant's subjects: how many, and the sums of values and their squares.

    Of a binary metric both sums are the number of those who have converted.
    """

    kind: MetricKind
    users: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """The rate, or the mean; 0 of nobody."""
        return self.total / self.users if self.users else 0.0

    @property
    def variance(self) -> float:
        """Of the values; of a rate p it is p(1 - p)."""
        if self.kind == "binary":
            return self.mean * (1 - self.mean)
        if self.users < 2:  # noqa: PLR2004 - one has no variance
            return 0.0
        return (self.squares - self.total**2 / self.users) / (self.users - 1)


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """How a sample differs from the control."""

    uplift: float
    interval: tuple[float, float]
    p_value: float
    sequential_interval: tuple[float, float]
    sequential_p_value: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A sample beside the control; without a relative effect where the control's mean is 0."""

    absolute: Effect | None = None
    relative: Effect | None = None
    flaw: Flaw | None = None


class Statistics(Protocol):
    """Computes; slow at first, because libraries are loaded when they are needed."""

    def compare(self, control: Sample, sample: Sample, confidence: float) -> Comparison:
        """What a sample says in comparison with the control."""
        ...

    def mismatch(self, users: Sequence[int], weights: Sequence[float]) -> float:
        """How probable a split at least as uneven is, if subjects are split by these weights."""
        ...
