"""Standard normal numbers from uniform ones, by arithmetic that every processor does alike.

It uses sums, products, quotients, square roots and ``unroll.exact``. The quantile function is algorithm AS 241, PPND16
(Wichura, "The percentage points of the normal distribution", Applied Statistics 37, 477-484, 1988), about 16 digits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unroll.axes import Float64
from unroll.exact import logarithm, polynomial

BLOCK = 16_384
"""How many numbers are worked on at once: what they need beside them stays in the cache."""

SMALLEST = 2.0**-54
"""What stands in for a uniform number of 0, whose normal number would be infinite: half of what lies next to it."""

# Numerators and denominators by falling powers: near the middle, in the tails, and beyond one in 7e10.
MIDDLE = (
    (
        *(2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457),
        *(13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    ),
    (
        *(5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867),
        *(5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
    ),
)
TAIL = (
    (
        *(7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258),
        *(3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    ),
    (
        *(1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459),
        *(0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
    ),
)
FAR_TAIL = (
    (
        *(2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093),
        *(0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    ),
    (
        *(2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4),
        *(0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
    ),
)


def to_normal(uniform: Float64) -> Float64:
    """Turn numbers uniform in [0, 1) into standard normal ones, in place, and return them: of each its quantile."""
    flat = uniform.reshape(-1)
    for first in range(0, flat.size, BLOCK):
        block = flat[first : first + BLOCK]
        block[:] = _quantile(block)
    return uniform


def _quantile(p: Float64) -> Float64:
    q = p - 0.5
    quantile = _ratio(MIDDLE, 0.180625 - q * q) * q
    outside = np.flatnonzero(np.abs(q) > 0.425)
    side = p[outside]
    r = np.sqrt(-logarithm(np.maximum(np.minimum(side, 1.0 - side), SMALLEST)))
    tail = np.where(r <= 5.0, _ratio(TAIL, r - 1.6), _ratio(FAR_TAIL, r - 5.0))
    quantile[outside] = np.where(side < 0.5, -tail, tail)
    return quantile


def _ratio(coefficients: tuple[Sequence[float], Sequence[float]], r: Float64) -> Float64:
    above, below = (polynomial(part, r) for part in coefficients)
    ratio: Float64 = above / below
    return ratio
