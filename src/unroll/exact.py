"""Logarithms and powers by arithmetic that every processor does alike.

No library promises their last bit, and NumPy's own differ between instruction sets. Sums, products, quotients and
square roots are exact by IEEE 754, and so is taking a number apart into fraction and exponent: what is written here
uses nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

import numpy as np

from unroll.axes import Float64

LN_2 = 0.6931471805599453
TERMS = tuple(1.0 / (2 * k + 1) for k in range(10, -1, -1))
SPLIT = 134217729.0
"""2^27 + 1: it takes a number apart into two halves of which products are exact (Veltkamp)."""

Numbers = TypeVar("Numbers", float, Float64)


def polynomial(coefficients: Sequence[float], r: Float64) -> Float64:
    """Return a polynomial by Horner's rule; the highest power's coefficient comes first."""
    value = np.full_like(r, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= r
        value += coefficient
    return value


def logarithm(p: Float64) -> Float64:
    """Return ln p of numbers above 0: with p = m 2^e and m within a root of 2 of 1, e ln 2 and artanh's series."""
    fraction, exponent = np.frexp(p)
    small = fraction < 0.7071067811865476
    fraction = np.where(small, 2.0 * fraction, fraction)
    s = (fraction - 1.0) / (fraction + 1.0)
    found: Float64 = (exponent - small) * LN_2 + 2.0 * s * polynomial(TERMS, s * s)
    return found


def powers(base: Float64, n: int) -> Float64:
    """Return base^0, base^1, ... base^(n - 1), (...,) to (..., n): rounded once, from products of twice the digits.

    What is less than the least normal number is rounded a second time, or is 0 where such numbers are taken for it.
    Mantissas and exponents are kept apart, so that only a power itself leaves the range of numbers.
    """
    mantissa, exponent = np.frexp(base)
    high, low, place = np.ones_like(mantissa), np.zeros_like(mantissa), np.zeros_like(exponent)
    found = np.empty((*np.shape(base), n))
    for k in range(n):
        found[..., k] = np.ldexp(high, place)
        high, low = _product(high, low, mantissa, np.zeros_like(mantissa))
        high, moved = np.frexp(high)
        low, place = np.ldexp(low, -moved), place + moved + exponent
    return found


@cache
def power(base: float, exponent: int) -> float:
    """Return base^exponent, exponent at least 0, as ``powers`` does; by squaring. Of bases in (0, 1]."""
    high, low, square, rest = 1.0, 0.0, base, 0.0
    while exponent:
        if exponent & 1:
            high, low = _product(high, low, square, rest)
        square, rest = _product(square, rest, square, rest)
        exponent >>= 1
    return high


def _product(a: Numbers, a_rest: Numbers, b: Numbers, b_rest: Numbers) -> tuple[Numbers, Numbers]:
    """Return (a + a_rest) (b + b_rest) as a number and what its rounding left, both by Dekker's exact product."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    left = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    left = left + (a * b_rest + a_rest * b)
    whole = product + left
    return whole, (product - whole) + left


def _halves(a: Numbers) -> tuple[Numbers, Numbers]:
    high = SPLIT * a
    high = high - (high - a)
    return high, a - high
