"""Normal numbers against the standard library's quantile function, which follows the same algorithm on its own
logarithm.

Planted and found: a coefficient with two digits exchanged, in each of the three ranges; the sign of the lower tail; a
logarithm without its last term; a uniform number of 0 that becomes infinite.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from unroll.streams.keyed import KeyedGenerator
from unroll.streams.normal import BLOCK, SMALLEST, to_normal
from unroll.streams.notebook import NotebookStreams

EXACT = NormalDist().inv_cdf


def test_every_range_is_the_quantile_function() -> None:
    """The middle, the tails, what lies beyond one in 7e10, and where they meet."""
    edges = np.array([0.5, 0.075, 0.925, 0.0749999, 0.9250001, np.exp(-25.0), 2.0**-53, 1.0 - 2.0**-53])
    powers = 10.0 ** -np.linspace(0.4, 15.9, 500)
    p = np.concatenate([edges, powers, 1.0 - powers[powers > 1e-15], np.linspace(0.001, 0.999, 999)])
    assert to_normal(p.copy()) == pytest.approx([EXACT(float(one)) for one in p], rel=2e-14, abs=2e-15)


def test_zero_is_finite_and_the_smallest() -> None:
    (smallest,) = to_normal(np.array([0.0]))
    assert smallest == pytest.approx(EXACT(SMALLEST), rel=1e-14)
    assert smallest < to_normal(np.array([2.0**-53]))[0]


def test_they_are_normal_and_one_uniform_each() -> None:
    """The share below each of some bounds, within four standard errors; in blocks or not, the same numbers."""
    n = 3 * BLOCK + 5
    drawn = KeyedGenerator(1, "data").normal((n,))
    for bound in (-3.0, -1.4, -0.2, 0.0, 0.7, 1.5, 2.5):
        expected = NormalDist().cdf(bound)
        assert abs((drawn < bound).mean() - expected) < 4 * (expected * (1 - expected) / n) ** 0.5
    uniform = KeyedGenerator(1, "data").uniform(0.0, 1.0, (n,))
    assert (np.concatenate([to_normal(one.copy()) for one in np.array_split(uniform, 7)]) == drawn).all()


def test_every_protocol_has_them() -> None:
    streams = NotebookStreams(3)
    for name in ("data", "init"):
        drawn = streams.generator(name).normal((20, 3))
        assert drawn.shape == (20, 3)
        assert np.isfinite(drawn).all()
