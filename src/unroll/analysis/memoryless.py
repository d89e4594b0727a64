"""Whether a trial is better than a predictor with no memory: a paired test on its own test sequences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr

from unroll.analysis.scores import numbers
from unroll.axes import Float64

LEVEL = 0.05


def chances(trials: pd.DataFrame) -> Float64:
    r"""Return of each trial the one-sided p that its gain over the best constant is one of chance; NaN where none is.

    .. math:: t = \frac{\text{gain}}{\text{error}}, \qquad p = P(t_{G-1} \ge t)

    with gain, its standard error and the number G of test sequences as training measured them: see
    ``unroll.training.memoryless``. The constant is the best one for these very sequences, so that a trial which answers
    with a constant is never better. One sequence alone gives p = 1, an exact gain without any error 0.
    """
    names = ("memoryless_gain", "memoryless_sequences", "memoryless_gain_error")
    gain, sequences, error = (numbers(trials, name) for name in names)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stdtr(sequences - 1, -gain / error)
    p = np.where(np.isnan(error), 1.0, np.where(error == 0, (gain <= 0).astype(np.float64), p))
    return np.where(np.isnan(gain) | np.isnan(sequences), np.nan, p)


def better(chances: Sequence[float | None]) -> int | None:
    """Return how many trials of a condition are better, by Holm's procedure; None where one is not recorded."""
    known = sorted(p for p in chances if p is not None)
    if len(known) < len(chances) or not known:
        return None
    count = 0
    for place, p in enumerate(known):
        if p > LEVEL / (len(known) - place):
            break
        count += 1
    return count
