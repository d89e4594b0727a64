"""Whether a loss was still falling when the training ended: what more of it would have given is then not known."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
        for key, values in histories.groupby("key", sort=False)["value"]:
            falls[str(key)] = still_falls(values.to_numpy(np.float64))
    return pd.Series([falls.get(key, False) for key in trials["key"]], trials.index, dtype=bool)


def still_falls(losses: Float64) -> bool:
    """Say whether a curve of losses by epoch still falls at its end; one of fewer than two epochs is not known to."""
    part = max(1, len(losses) // PART)
    if len(losses) < 2 * part or len(losses) < 2:
        return False
    last, before = np.median(losses[-part:]), np.median(losses[-2 * part : -part])
    return bool(last < LESS * before)
