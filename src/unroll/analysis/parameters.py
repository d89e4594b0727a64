"""How many numbers a model learns."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from unroll.analysis.settings import grouped, table_of


def parameters(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row for each count of parameters that a model comes in, in the order in which they first appear.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it; no trial need be complete.
    factors
        Names of further columns; of these only settings of the task and of the model can change the count.

    Returns
    -------
    task, model, those ``factors``, parameters (trained ones), lengths (list: the lengths at which it is so).

    """
    names = ["task", "model", *(factor for factor in factors if factor.startswith(("task.", "model."))), "parameters"]
    rows = [
        {**head, "lengths": sorted({int(length) for length in group["length"]})}
        for head, group in grouped(trials, names)
    ]
    return table_of(rows, [*names, "lengths"], names[2:-1])
