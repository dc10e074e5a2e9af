"""The statistics that the benchmark's verdicts rest on."""

import math

import pytest

from benchmarks.ratios import ratio_of, spread_of


def test_a_ratio_is_the_geometric_mean_of_its_pairs() -> None:
    """Twice and half as much are as far from one; a disturbance of both sides cancels out."""
    assert ratio_of([2, 1], [1, 2]).mean == pytest.approx(1)
    assert ratio_of([20, 2], [10, 1]).mean == pytest.approx(2)


def test_the_interval_is_students() -> None:
    """Three pairs with logarithms -1, 0, 1 reach 4.303 / sqrt(3) to each side."""
    found = ratio_of([math.exp(-1), 1, math.e], [1, 1, 1])

    assert math.log(found.high) == pytest.approx(4.303 / math.sqrt(3), rel=1e-3)
    assert math.log(found.low) == pytest.approx(-4.303 / math.sqrt(3), rel=1e-3)


def test_the_quantile_for_many_pairs_is_right() -> None:
    """With 20 pairs the reach is 2.093 standard errors (a table's value)."""
    values = [math.exp((-1) ** at) for at in range(20)]
    error = math.sqrt(20 / 19) / math.sqrt(20)

    assert math.log(ratio_of(values, [1] * 20).high) == pytest.approx(2.093 * error, rel=1e-3)


def test_one_pair_has_no_interval() -> None:
    """One pair is shown as what it is; none is an error."""
    assert str(ratio_of([3], [2])) == "1.50 [one pair]"
    with pytest.raises(ValueError, match="no pairs"):
        ratio_of([], [])


def test_percentiles_are_interpolated() -> None:
    """Of 1 to 100 the median lies between the two in the middle."""
    found = spread_of([float(at) for at in range(100, 0, -1)])

    assert (found.p50, found.count) == (50.5, 100)
    assert found.p95 == pytest.approx(95.05)
    assert found.p99 == pytest.approx(99.01)
