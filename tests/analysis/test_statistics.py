"""Intervals and tests, against scipy.stats, numbers worked out by hand, and their own promise: how often they cover.

Planted and found: the t-interval of the mean on raw losses (coverage 0.62 of bimodal ones, below zero); Wilson's
interval of a rate (0.924 at n = 10, rate 0.7); an interval of the median from five seeds; n instead of n - 1 in the
deviation; a one-sided p; a sign-flip test that leaves out the choice that was seen; columns corrected one by one, or
each by the largest of all without a step down.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unroll.analysis import statistics


def test_by_hand():
    few = [1.0, 2.0, 6.0]
    assert statistics.mean(few) == 3
    assert statistics.median(few) == 2
    assert statistics.median([*few, 4.0]) == 3
    assert statistics.deviation(few) == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    assert statistics.rate_interval(3, 3) == pytest.approx((0.025 ** (1 / 3), 1.0))
    assert statistics.rate_interval(0, 3) == pytest.approx((0.0, 1 - 0.025 ** (1 / 3)))
    assert statistics.median_interval([3.0, 1.0, 2.0, 6.0, 5.0, 4.0]) == (1.0, 6.0)


def test_one_value_has_no_spread_and_none_has_nothing():
    assert statistics.deviation([0.5]) is None
    assert statistics.median_interval([0.5] * 5) is None
    assert statistics.rate_interval(1, 1) is None
    assert statistics.rate_interval(0, 0) is None
    assert statistics.mean([]) is statistics.median([]) is statistics.sign_flip_p([]) is None


@settings(deadline=None)
@given(st.integers(2, 200), st.data())
def test_the_interval_of_a_rate_is_scipys(n: int, data: st.DataObject):
    successes = data.draw(st.integers(0, n))
    expected = stats.binomtest(successes, n).proportion_ci(method="exact")
    low, high = statistics.rate_interval(successes, n)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize("n", [2, 3, 5, 6, 10, 20])
def test_the_interval_of_a_rate_covers_every_rate(n: int):
    """Exactly: the sum of the chances of all counts whose interval holds the rate."""
    intervals = [statistics.rate_interval(k, n) for k in range(n + 1)]
    for rate in np.linspace(0.001, 0.999, 500):
        chances = stats.binom.pmf(np.arange(n + 1), n, rate)
        covered = sum(p for p, (low, high) in zip(chances, intervals, strict=True) if low <= rate <= high)
        assert covered >= 0.95


@pytest.mark.parametrize("n", range(6, 60))
def test_the_interval_of_the_median_is_the_narrowest_that_holds_its_promise(n: int):
    low, high = statistics.median_interval(list(range(1, n + 1)))
    k = int(low)
    assert high == n + 1 - k
    assert 1 - 2 * stats.binom.cdf(k - 1, n, 0.5) >= 0.95
    assert 1 - 2 * stats.binom.cdf(k, n, 0.5) < 0.95


def normal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return generator.normal(size=shape)


def lognormal(sigma: float):
    return lambda generator, shape: generator.lognormal(-4, sigma, shape)


def bimodal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Losses of seeds of which 70 % solve a task and 30 % do not."""
    solve = generator.uniform(size=shape) < 0.7
    return np.where(solve, generator.lognormal(-8, 1, shape), generator.normal(1 / 6, 0.004, shape))


LOSSES = {
    "normal": (normal, 0.0),
    "lognormal, sigma 1": (lognormal(1), np.exp(-4)),
    "lognormal, sigma 2": (lognormal(2), np.exp(-4)),
    "bimodal": (bimodal, float(stats.lognorm(1, scale=np.exp(-8)).ppf(0.5 / 0.7))),
}
"""How losses scatter over seeds, and their medians."""


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.parametrize("n", [3, 5, 6, 10])
def test_an_interval_that_is_shown_covers_the_median(losses: str, n: int):
    draw, median = LOSSES[losses]
    samples = draw(np.random.Generator(np.random.Philox(n)), (4000, n))
    intervals = [statistics.median_interval(sample) for sample in samples]
    if n < 6:
        assert set(intervals) == {None}, "no interval of so few keeps the promise, and none is shown"
        return
    ends = np.array(intervals)
    assert np.mean((ends[:, 0] <= median) & (median <= ends[:, 1])) >= 0.93
    assert (ends >= samples.min(axis=1, keepdims=True)).all(), "never below what was seen"


@settings(deadline=None)
@given(st.lists(st.sampled_from([-np.inf, np.inf, 0.0, -1.0, 1.0, 2.0, -3.0]), min_size=1, max_size=9))
def test_signed_ranks_are_scipys(differences: list[float]):
    sizes = np.abs(differences)
    expected = np.sign(differences) * stats.rankdata(np.where(np.isinf(sizes), 1e9, sizes))
    np.testing.assert_array_equal(statistics.signed_ranks(np.array(differences)), np.where(sizes > 0, expected, 0.0))


def test_the_step_down_p_by_hand():
    """Three seeds, two columns: by the largest statistic of both, then by the second column's alone."""
    differences = np.array([[1.0, 1.0], [1.0, -1.0], [1.0, 2.0]])
    alone, corrected = statistics.sign_flips_p(differences)
    assert alone.tolist() == [2 / 8, 6 / 8]
    # |sums| / norms of the second column over the choices +++, ++-, +-+, +--: 2, 2, 4, 0 divided by the root of 6
    assert corrected.tolist() == [2 / 8, 6 / 8]
    # +++ and ++- make the first column as large as it is, +++ and +-+ the second; with both in question all three would
    # count against the second, but the first is rejected before
    stepped = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.5]])
    alone, corrected = statistics.sign_flips_p(stepped)
    assert alone.tolist() == corrected.tolist() == [2 / 8, 2 / 8]
    wide = np.array([[1.0, 1.0, 1.0], [1.1, -1.0, 1.0], [0.9, 1.0, -1.0]])
    alone, corrected = statistics.sign_flips_p(wide)
    assert alone[0] == 2 / 8
    assert corrected[0] == 6 / 8, "two other choices make another column as large as this one, or larger"


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 5))
def test_corrected_p_are_no_smaller_and_in_the_same_order(seed: int, n: int, count: int):
    differences = np.random.default_rng(seed).normal(size=(n, count))
    alone, corrected = statistics.sign_flips_p(differences)
    assert (corrected >= alone - 1e-12).all()
    one, _ = statistics.sign_flips_p(differences[:, :1])
    assert one[0] == alone[0] == pytest.approx(statistics.sign_flip_p(differences[:, 0].tolist()))


def test_sign_flips_by_hand():
    assert statistics.sign_flip_p([1.0, 2.0, 3.0]) == 2 / 8, "all of one sign: the smallest that three can give"
    assert statistics.sign_flip_p([1.0, 2.0, -3.0]) == 1.0, "their sum is 0"
    assert statistics.sign_flip_p([1.0, 2.0, -0.5]) == 4 / 8, "|2.5| is reached by ++-, +++ and their mirror images"
    assert statistics.sign_flip_p([0.4]) == 1.0
    assert statistics.sign_flip_p([0.0, 0.0]) == 1.0
    assert statistics.sign_flip_p([0.1] * 6) == 2 / 64


@pytest.mark.parametrize(("n", "p"), [(0, 1.0), (1, 1.0), (2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_the_smallest_p(n: int, p: float):
    assert statistics.smallest_p(n) == p
    if n:
        assert statistics.sign_flip_p([float(i + 1) for i in range(n)]) == p


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=9))
def test_the_sign_flip_test_is_scipys(differences: list[float]):
    found = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert statistics.sign_flip_p(differences) == pytest.approx(found.pvalue)


def test_many_differences_are_drawn():
    generator = np.random.Generator(np.random.Philox(1))
    differences = generator.normal(0.3, 1.0, 40).tolist()
    expected = stats.ttest_1samp(differences, 0.0).pvalue
    assert statistics.sign_flip_p(differences) == pytest.approx(expected, abs=0.02)
    assert statistics.sign_flip_p([1.0] * 40) == pytest.approx(1 / 10_000)
