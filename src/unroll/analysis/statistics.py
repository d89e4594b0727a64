"""What a few seeds allow to say: medians, exact intervals, and tests that ask for nothing that seeds do not have.

Nothing here supposes that values scatter in any particular way: losses of seeds of which some solve a task and some do
not are as far from a normal distribution as can be. Where so few values cannot keep an interval's promise there is
none. Intervals are for at least 95 %. Oracles in the tests are ``scipy.stats``; here only its special functions are
used, because importing the whole of it takes longer than printing a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from scipy.special import betaincinv

from unroll.axes import Float64
from unroll.streams.keyed import KeyedGenerator

Interval = tuple[float, float]
"""Lower and upper end."""

LEVEL = 0.95
RESAMPLES = 9_999
TOGETHER = 64
"""Groups of columns whose sums are made at once."""
MOST_EXACT = 14
"""Pairs whose 2^n signs are all tried; beyond, ``RESAMPLES`` of them are drawn."""


def mean(values: Sequence[float]) -> float | None:
    r"""Return :math:`\bar x = \frac1n \sum x_i`; None without values."""
    return float(np.mean(values)) if len(values) else None


def deviation(values: Sequence[float]) -> float | None:
    r"""Return :math:`s = \sqrt{\frac{1}{n-1} \sum (x_i - \bar x)^2}`; None with fewer than two, NaN of infinities."""
    with np.errstate(invalid="ignore"):
        return float(np.std(values, ddof=1)) if len(values) > 1 else None


def median(values: Sequence[float]) -> float | None:
    """Return the middle value, or the mean of the two in the middle; None without values."""
    return float(np.median(values)) if len(values) else None


def median_interval(values: Sequence[float]) -> Interval | None:
    r"""Return the k-th smallest and the k-th largest value: an interval for the median of any distribution.

    It misses the median on one side where fewer than k of n values lie there, each with chance 1/2, so that

    .. math:: P(\text{covers}) \ge 1 - 2 \sum_{i=0}^{k-1} \binom ni 2^{-n} \ge 0.95

    for the largest such k. None with fewer than six values, of which even the smallest and the largest cover the median
    less often (0.9375 with five). Thompson, "On confidence ranges for the median and other expectation distributions
    for populations of unknown distribution form", Annals of Mathematical Statistics 7, 1936.
    """
    place = median_place(len(values))
    if not place:
        return None
    ordered = sorted(values)
    return float(ordered[place - 1]), float(ordered[-place])


def rate_interval(successes: int, n: int) -> Interval | None:
    r"""Return Clopper and Pearson's interval for a rate of which ``successes`` of ``n`` were seen; None with n < 2.

    .. math:: \left[ B_{0.025}(k, n - k + 1),\; B_{0.975}(k + 1, n - k) \right]

    with :math:`B_q(a, b)` the q-quantile of the beta distribution, 0 for k = 0 and 1 for k = n. It covers every rate at
    every n with at least 95 %. 3 of 3 gives 0.29 to 1: three seeds that all solve a task do not show that most seeds
    would. Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934.
    """
    if n < 2:
        return None
    tail = (1 - LEVEL) / 2
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return low, high


def sign_flip_p(differences: Sequence[float]) -> float | None:
    r"""Return the two-sided p of paired differences when only their signs are left to chance; None without any.

    If neither side were better, each difference could as well have had the other sign. p is the share of all
    :math:`2^n` choices of signs whose mean is at least as far from 0 as the one that was seen. Exact up to 14
    differences; beyond, from 9,999 drawn choices and the one that was seen. Fisher, "The Design of Experiments", 1935.
    """
    alone, _ = sign_flips_p(np.asarray(differences, dtype=np.float64)[:, None])
    return float(alone[0]) if len(differences) else None


def sign_flips_p(differences: Float64) -> tuple[Float64, Float64]:
    r"""Return the p of each column of paired differences: alone, and corrected for all columns.

    (n, H) to (H,) each. A row is a seed: its signs are flipped for all columns together, so that whatever makes the
    columns of one seed alike is kept. The statistic of a column is :math:`|\sum_i d_i| / \sqrt{\sum_i d_i^2}`, whose
    order is that of the paired t. The largest statistic is compared with the largest over all columns of each choice of
    signs, the next with the largest over those that are left, and so on: the chance that any column without a
    difference gets a p of at most a is at most a, whatever the others are. A column of zeros has p = 1. Westfall and
    Young, "Resampling-based multiple testing", Wiley, 1993, algorithm 2.8.
    """
    return many_sign_flips_p([differences])[0]


def many_sign_flips_p(groups: Sequence[Float64]) -> list[tuple[Float64, Float64]]:
    """Return ``sign_flips_p`` of each of many: of those with as many seeds the sums are made together.

    A hundred small products take thirty times as long as one large one where NumPy shares each among processors.
    """
    found = [(np.ones(differences.shape[1]), np.ones(differences.shape[1])) for differences in groups]
    alike: dict[int, list[int]] = {}
    for place, differences in enumerate(groups):
        if differences.size:
            alike.setdefault(len(differences), []).append(place)
    for seen, places in alike.items():
        for first in range(0, len(places), TOGETHER):
            some = places[first : first + TOGETHER]
            sums = flips(seen) @ np.concatenate([groups[place] for place in some], axis=1)
            ends = np.cumsum([groups[place].shape[1] for place in some])[:-1]
            for place, own in zip(some, np.split(sums, ends, axis=1), strict=True):
                found[place] = _p_of_sums(groups[place], own)
    return found


def _p_of_sums(differences: Float64, sums: Float64) -> tuple[Float64, Float64]:
    """Return ``sign_flips_p`` of differences, (n, H); ``sums``, (F, H): theirs for each choice of signs."""
    norms = np.sqrt(np.square(differences).sum(axis=0))
    reached = np.abs(sums) / np.where(norms > 0, norms, np.inf)
    order = np.argsort(reached[0], kind="stable")
    largest = np.maximum.accumulate(reached[:, order], axis=1)
    # Sums of the same numbers in another order may differ in their last bits.
    bar = (1 - 1e-12) * reached[0]
    p = np.mean(largest >= bar[order], axis=0)
    corrected = np.empty(differences.shape[1])
    corrected[order] = np.maximum.accumulate(p[::-1])[::-1]
    return np.mean(reached >= bar, axis=0), corrected


def smallest_p(n: int) -> float:
    """Return the smallest p that ``sign_flip_p`` can give for n differences: 2 / 2^n, and 1 for none."""
    return min(1.0, 2.0 ** (1 - n)) if n <= MOST_EXACT else 1.0 / (RESAMPLES + 1)


@cache
def flips(n: int) -> Float64:
    """Return choices of signs for n pairs, (F, n), first the one that was seen; all but mirror images, or drawn."""
    if n <= MOST_EXACT:
        rest = np.array(list(product((1.0, -1.0), repeat=n - 1)), dtype=np.float64).reshape(2 ** (n - 1), n - 1)
        return np.column_stack([np.ones(len(rest)), rest])
    drawn = KeyedGenerator(0, "sign flip").integers(0, 2, (RESAMPLES, n)) * 2.0 - 1.0
    return np.concatenate([np.ones((1, n)), drawn])


def signed_ranks(differences: Float64) -> Float64:
    """Return (n,) differences as the ranks of their sizes, with their signs; infinite ones are the largest.

    Equal sizes share the mean of their ranks; 0 stays 0.
    """
    sizes, places, counts = np.unique(np.abs(differences), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - counts + 1 + ends) / 2
    return np.asarray(np.sign(differences) * ranks[places.ravel()] * (sizes[places.ravel()] > 0), dtype=np.float64)


@cache
def median_place(n: int) -> int:
    """Return the largest k for which ``median_interval`` keeps its promise with n values, 0 where none does."""
    chance, total, place = 2.0**-n, 0.0, 0
    for k in range(n // 2):
        total += chance
        if 1 - 2 * total < LEVEL:
            break
        place, chance = k + 1, chance * (n - k) / (k + 1)
    return place
