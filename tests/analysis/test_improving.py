"""Whether a loss still falls at its end.

Planted and found: the last fifth of all values of a frame instead of each trial's; the training loss where there is a
validation loss.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.frames import curve
from unroll.analysis import improving
from unroll.analysis.improving import still_falls


@pytest.mark.parametrize(
    ("losses", "falls"),
    [
        (np.geomspace(1, 0.1, 50), True),
        (np.full(50, 0.17), False),
        ([*np.geomspace(1, 0.1, 25), *[0.1] * 25], False),
        ([*[0.17] * 40, *np.geomspace(0.17, 0.1, 10)], True),
        (np.linspace(1, 2, 50), False),
        ([1.0, 0.5], True),
        ([1.0, 0.96], False),
        ([1.0], False),
        ([], False),
        (0.17 + 0.002 * np.sin(np.arange(50)), False),
    ],
)
def test_the_last_fifth_against_the_fifth_before(losses: list[float], falls: bool):
    assert still_falls(np.asarray([losses, losses[::-1]], dtype=np.float64)).tolist()[0] is falls


def test_the_validation_loss_counts_where_there_is_one():
    falling, flat = [1.0, 0.9, 0.8, 0.7, 0.6], [1.0] * 5
    trials = pd.DataFrame({"key": ["a", "b", "c", "d"]})
    training = curve(a=falling, b=falling, c=flat)
    found = improving(trials, training, curve(a=flat, c=falling))
    assert found.tolist() == [False, True, True, False]
    assert found.dtype == bool
    assert improving(trials, curve(), curve()).tolist() == [False] * 4
