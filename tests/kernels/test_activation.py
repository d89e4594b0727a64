"""tanh and the logistic function against float64, over the range of float32."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.oracle import needs_native
from unroll.kernels import isas

pytestmark = needs_native

FUNCTIONS = {"tanh": np.tanh, "logistic": lambda x: 1 / (1 + np.exp(-x))}


def activated(isa: str, function: str, x: np.ndarray) -> np.ndarray:
    from unroll.kernels import _native

    y = np.empty_like(x)
    _native.activate(isa, function, x, y)
    return y


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("function", list(FUNCTIONS))
def test_at_most_four_units_in_the_last_place(function: str, isa: str) -> None:
    """Every 997th float32 of either sign; results below the smallest normal number are flushed to zero."""
    bits = np.arange(0, 0x7F800000, 997, dtype=np.uint32)
    for sign in (0, 0x80000000):
        x = (bits | np.uint32(sign)).view(np.float32)
        with np.errstate(over="ignore", under="ignore"):
            right = FUNCTIONS[function](x.astype(np.float64))
            place = np.spacing(np.abs(right).astype(np.float32)).astype(np.float64)
        wrong = np.abs(activated(isa, function, x) - right) / place
        small = np.abs(right) < 1.5e-38
        assert wrong[~small].max() <= 4
        assert (np.abs(activated(isa, function, x[small])) <= 1.5e-38).all()


@pytest.mark.parametrize("isa", isas())
def test_the_ends(isa: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30], dtype=np.float32)
    tanh, logistic = activated(isa, "tanh", x), activated(isa, "logistic", x)
    assert np.isnan([tanh[0], logistic[0]]).all()
    assert tanh[1:].tolist() == [1, -1, 0, 0, 1, -1]
    assert logistic[1:].tolist() == [1, 0, 0.5, 0.5, 1, 0]
    assert abs(activated(isa, "tanh", np.linspace(-20, 20, 100_001, dtype=np.float32))).max() <= 1
