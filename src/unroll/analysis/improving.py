"""Whether a loss was still falling when the training ended: what more of it would have given is then not known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unroll.axes import Float64

PART = 5
"""The last fifth of the epochs is compared with the fifth before it."""
LESS = 0.95
RULE = "the median loss of the last fifth of the epochs is at least 5 % below that of the fifth before"
"""When a trial counts as still improving, in words."""


def improving(trials: pd.DataFrame, training: pd.DataFrame, validation: pd.DataFrame) -> pd.Series[bool]:
    """Return for each trial whether it was still improving: see ``RULE``.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    training, validation
        The histories ``train_loss`` and ``validation_loss``, one row per epoch, as ``Results.histories`` gives them. Of
        a trial with both the validation loss counts.

    """
    falls: dict[str, bool] = {}
    for histories in (training, validation):
        codes, keys = pd.factorize(histories["key"])
        values = histories["value"].to_numpy(np.float64)[np.argsort(codes, kind="stable")]
        counts = np.bincount(codes, minlength=len(keys))
        starts = np.cumsum(counts) - counts
        for count in np.unique(counts):  # those of one length together: a median of each alone takes ten times as long
            chosen = np.flatnonzero(counts == count)
            found = still_falls(values[starts[chosen, None] + np.arange(count)])
            falls |= dict(zip(keys[chosen], found.tolist(), strict=True))
    return pd.Series([falls.get(key, False) for key in trials["key"]], trials.index, dtype=bool)


def still_falls(losses: Float64) -> NDArray[np.bool_]:
    """Say of curves of losses (n, epochs) which still fall at their end; of one epoch none is known to."""
    epochs = losses.shape[1]
    if epochs < 2:
        return np.zeros(len(losses), dtype=bool)
    part = max(1, epochs // PART)
    last, before = np.median(losses[:, -part:], axis=1), np.median(losses[:, -2 * part : -part], axis=1)
    return np.asarray(last < LESS * before, dtype=bool)
