"""Intervals and tests, against scipy.stats, numbers worked out by hand, and their own promise: how often they cover.

Planted and found: the normal's quantile instead of Student's (coverage 0.81 at n = 3); n instead of n - 1 in the
deviation; Wald's interval instead of Wilson's (coverage 0.88 at most, and an empty interval for 3 of 3); a one-sided p;
a sign-flip test that leaves out the choice that was seen.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unroll.analysis import statistics

values = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12)


def test_by_hand():
    few = [1.0, 2.0, 6.0]
    assert statistics.mean(few) == 3
    assert statistics.median(few) == 2
    assert statistics.median([*few, 4.0]) == 3
    assert statistics.deviation(few) == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    half = 4.302652729911275 * math.sqrt(7) / math.sqrt(3)  # t for 0.975 with two degrees of freedom
    assert statistics.t_interval(few) == pytest.approx((3 - half, 3 + half))
    z = 1.959963984540054
    assert statistics.wilson_interval(3, 3) == pytest.approx((3 / (3 + z * z), 1.0))
    assert statistics.wilson_interval(0, 3) == pytest.approx((0.0, z * z / (3 + z * z)))


def test_one_value_has_no_spread_and_none_has_nothing():
    assert statistics.deviation([0.5]) is None
    assert statistics.t_interval([0.5]) is None
    assert statistics.wilson_interval(1, 1) is None
    assert statistics.wilson_interval(0, 0) is None
    assert statistics.bootstrap_interval([0.5]) is None
    assert statistics.mean([]) is statistics.median([]) is statistics.sign_flip_p([]) is None


@settings(deadline=None)
@given(values)
def test_the_t_interval_is_scipys(several: list[float]):
    error = stats.sem(several)
    if error > 0:
        expected = stats.t.interval(0.95, len(several) - 1, np.mean(several), error)
        assert statistics.t_interval(several) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@settings(deadline=None)
@given(st.integers(2, 200), st.data())
def test_the_wilson_interval_is_scipys(n: int, data: st.DataObject):
    successes = data.draw(st.integers(0, n))
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    low, high = statistics.wilson_interval(successes, n)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= successes / n <= high <= 1


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_t_interval_covers_the_mean(n: int):
    samples = np.random.Generator(np.random.Philox(n)).normal(3.0, 2.0, (4000, n))
    intervals = np.array([statistics.t_interval(sample) for sample in samples])
    covered = np.mean((intervals[:, 0] <= 3.0) & (intervals[:, 1] >= 3.0))
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize("n", [3, 5, 10, 20])
def test_the_wilson_interval_covers_the_rate_on_average(n: int):
    """For one rate the coverage of any such interval jumps with n; over rates it must be the nominal one."""
    generator = np.random.Generator(np.random.Philox(n))
    rates = generator.uniform(0.0, 1.0, 20_000)
    seen = generator.binomial(n, rates)
    intervals = np.array([statistics.wilson_interval(k, n) for k in range(n + 1)])[seen]
    covered = np.mean((intervals[:, 0] <= rates) & (intervals[:, 1] >= rates))
    assert 0.93 <= covered <= 0.98


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
    assert statistics.sign_flip_p([1.0] * 40) == pytest.approx(1 / 10_001)


def test_the_bootstrap_repeats_and_agrees_with_scipys():
    differences = np.random.Generator(np.random.Philox(2)).normal(1.0, 1.0, 30).tolist()
    low, high = statistics.bootstrap_interval(differences)
    assert (low, high) == statistics.bootstrap_interval(differences)
    other = stats.bootstrap(
        (differences,), np.mean, method="percentile", rng=np.random.Generator(np.random.Philox(3))
    ).confidence_interval
    assert (low, high) == pytest.approx((other.low, other.high), abs=0.03)
    assert min(differences) <= low <= statistics.mean(differences) <= high <= max(differences)
