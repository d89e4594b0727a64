"""Logarithms and powers of our own against fractions and long numbers, over the whole range.

Planted and found: a product whose rest is dropped; mantissas that are not brought back; an exponent off by one.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.exact import logarithm, power, powers

RATIOS = (0.5, 0.6, 0.75, 0.8, 0.9, 1.1, 1.2, 1.25, 1.5, 1.75, 2.0, -1.3, 1 / 3)


def nearest(base: float, exponent: int) -> float:
    """The float64 number that is nearest to a power."""
    try:
        return float(Fraction(base) ** exponent)
    except OverflowError:
        return math.copysign(math.inf, base if exponent % 2 else 1.0)


def test_powers_are_the_nearest_numbers() -> None:
    with np.errstate(over="ignore", under="ignore"):
        found = powers(np.array(RATIOS), 1500)
    right = np.array([[nearest(ratio, k) for k in range(1500)] for ratio in RATIOS])
    tiny = (right != 0) & (np.abs(right) < np.finfo(np.float64).tiny)
    assert tiny.any()
    assert np.isinf(right).any()
    assert np.array_equal(found[~tiny], right[~tiny])
    assert np.abs(found[tiny] - right[tiny]).max() <= 2.0**-1074  # a number that small is rounded twice


def test_powers_of_one_number_and_of_nothing() -> None:
    assert powers(np.float64(3.0), 4).tolist() == [1.0, 3.0, 9.0, 27.0]
    assert powers(np.array([0.0]), 3).tolist() == [[1.0, 0.0, 0.0]]


@settings(deadline=None, max_examples=200)
@given(st.floats(0.001, 1.0), st.integers(0, 3000))
def test_a_power_is_the_nearest_number_or_next_to_it(base: float, exponent: int) -> None:
    right = nearest(base, exponent)
    assert abs(power(base, exponent) - right) <= (0.0 if right > 1e-290 else 2.0**-1020)


@pytest.mark.parametrize("low", [1e-300, 1e-12, 0.5, 0.999])
def test_logarithms(low: float) -> None:
    p = np.geomspace(low, 1.0, 20_001)[:-1]
    right = np.log(p.astype(np.longdouble))
    assert np.abs((logarithm(p) - right) / right).max() < 5e-16
    assert logarithm(np.array([1.0, 2.0, 4.0])).tolist() == [0.0, math.log(2.0), 2 * math.log(2.0)]
