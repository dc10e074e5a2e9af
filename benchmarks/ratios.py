"""Statistics of pairs: percentiles, and a ratio with its 95 % interval.

Two measurements of a pair stand next to each other in time, so what disturbs the machine disturbs
both; the ratio of a pair is far steadier than either. Intervals are Student's on the logarithms.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

from pydantic import BaseModel, ConfigDict

_Z = NormalDist().inv_cdf(0.975)
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's 97.5 % quantiles for 1 to 10 degrees of freedom; beyond, the expansion is exact."""


class Ratio(BaseModel):
    """The geometric mean of the pairs' ratios."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float
    low: float
    """Lower end of the 95 % interval; `nan` of one pair."""
    high: float
    pairs: int

    def __str__(self) -> str:
        if self.pairs < 2:
            return f"{self.mean:.2f} [one pair]"
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


class Spread(BaseModel):
    """Percentiles of one series."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    p50: float
    p95: float
    p99: float
    count: int


def ratio_of(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Return the ratio of paired measurements.

    Raises:
        ValueError: the series are empty or of different lengths, or hold a number that is not
            positive.
    """
    if not above:
        raise ValueError("no pairs")
    logs = [math.log(a / b) for a, b in zip(above, below, strict=True)]
    mean, count = fmean(logs), len(logs)
    reach = _student(count - 1) * stdev(logs, mean) / math.sqrt(count) if count > 1 else math.nan
    return Ratio(
        mean=math.exp(mean),
        low=math.exp(mean - reach),
        high=math.exp(mean + reach),
        pairs=count,
    )


def spread_of(values: Sequence[float]) -> Spread:
    """Return the percentiles of `values`."""
    ordered = sorted(values)
    return Spread(
        p50=_percentile(ordered, 0.50),
        p95=_percentile(ordered, 0.95),
        p99=_percentile(ordered, 0.99),
        count=len(ordered),
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def _student(freedom: int) -> float:
    if freedom <= len(_T):
        return _T[freedom - 1]
    first = (_Z**3 + _Z) / 4
    second = (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96
    return _Z + first / freedom + second / freedom**2
