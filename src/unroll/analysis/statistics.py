"""What a few seeds allow to say: means, intervals, and tests that ask for nothing that seeds do not have.

Where there are fewer than two values there is no interval: one seed has no spread. Intervals are for 95 %. Oracles in
the tests are ``scipy.stats``; here only its special functions are used, because importing the whole of it takes longer
than printing a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri, stdtrit

from unroll.streams.keyed import KeyedGenerator

Interval = tuple[float, float]
"""Lower and upper end."""

LEVEL = 0.95
RESAMPLES = 10_000
MOST_EXACT = 20
"""Differences whose 2^n signs are all tried; beyond, ``RESAMPLES`` of them are drawn."""


def mean(values: Sequence[float]) -> float | None:
    r"""Return :math:`\bar x = \frac1n \sum x_i`; None without values."""
    return float(np.mean(values)) if len(values) else None


def deviation(values: Sequence[float]) -> float | None:
    r"""Return :math:`s = \sqrt{\frac{1}{n-1} \sum (x_i - \bar x)^2}`; None with fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def median(values: Sequence[float]) -> float | None:
    """Return the middle value, or the mean of the two in the middle; None without values."""
    return float(np.median(values)) if len(values) else None


def t_interval(values: Sequence[float]) -> Interval | None:
    r"""Return Student's interval for the mean; None with fewer than two values.

    .. math:: \bar x \pm t_{0.975,\,n-1} \frac{s}{\sqrt n}

    It supposes values that scatter normally. Losses of seeds of which some solve the task and some do not are far from
    that: the interval is then wide, and can reach below zero. Each seed therefore stands beside it in every table.
    Student, "The probable error of a mean", Biometrika 6, 1908.
    """
    n = len(values)
    if n < 2:
        return None
    middle = float(np.mean(values))
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return middle - half, middle + half


def wilson_interval(successes: int, n: int) -> Interval | None:
    r"""Return Wilson's score interval for a rate of which ``successes`` of ``n`` were seen; None with n < 2.

    With :math:`\hat p` the rate that was seen and :math:`z = 1.96` (Wilson, "Probable inference, the law of succession,
    and statistical inference", Journal of the American Statistical Association 22, 1927):

    .. math:: \frac{\hat p + \frac{z^2}{2n} \pm z \sqrt{\frac{\hat p (1 - \hat p)}{n} + \frac{z^2}{4n^2}}}{1 + z^2/n}

    3 of 3 gives 0.44 to 1: three seeds that all solve a task do not show that most seeds would.
    """
    if n < 2:
        return None
    z, rate = float(ndtri((1 + LEVEL) / 2)), successes / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half if successes else 0.0, middle + half if successes < n else 1.0


def bootstrap_interval(differences: Sequence[float]) -> Interval | None:
    """Return the percentile bootstrap interval for the mean of paired differences; None with fewer than two.

    The pairs are drawn again with replacement, 10,000 times, from a stream of its own, so that the same differences
    always give the same interval. It cannot be wider than the differences themselves: with fewer than about eight pairs
    it is too narrow, and ``sign_flip_p`` has the last word. Efron, "Bootstrap methods: another look at the jackknife",
    Annals of Statistics 7, 1979.
    """
    n = len(differences)
    if n < 2:
        return None
    drawn = KeyedGenerator(0, "bootstrap").integers(0, n, (RESAMPLES, n))
    means = np.asarray(differences, dtype=np.float64)[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def sign_flip_p(differences: Sequence[float]) -> float | None:
    r"""Return the two-sided p of paired differences when only their signs are left to chance; None without any.

    If neither side were better, each difference could as well have had the other sign. p is the share of all
    :math:`2^n` choices of signs whose mean is at least as far from 0 as the one that was seen. Exact up to 20
    differences; beyond, from 10,000 drawn choices and the one that was seen. Fisher, "The Design of Experiments", 1935.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not len(values):
        return None
    if len(values) > MOST_EXACT:
        drawn = KeyedGenerator(0, "sign flip").integers(0, 2, (RESAMPLES, len(values))) * 2 - 1
        sums = np.append(drawn @ values, values.sum())
        seen = sums[-1]
    else:
        sums = np.zeros(1)
        for value in values[::-1]:
            sums = np.concatenate([sums + value, sums - value])
        seen = sums[0]
    # Sums of the same numbers in another order may differ in their last bits.
    reached = np.abs(sums) >= abs(seen) - 1e-12 * np.abs(values).sum()
    return float(np.mean(reached))


def smallest_p(n: int) -> float:
    """Return the smallest p that ``sign_flip_p`` can give for n differences: 2 / 2^n, and 1 for none."""
    return min(1.0, 2.0 ** (1 - n))
