"""A metric of many trials, which a study without a complete trial has not yet."""

from __future__ import annotations

import numpy as np
import pandas as pd


def column(trials: pd.DataFrame, name: str) -> pd.Series[float]:
    """Return a metric's column, float64; NaN where no trial has it."""
    return trials[name] if name in trials else pd.Series(np.nan, index=trials.index, dtype="float64")
