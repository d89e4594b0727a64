"""The trials that a table does not speak of: those that failed, are damaged, or have not been trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd


def missing(trials: pd.DataFrame, messages: Mapping[str, str], factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per trial that is not complete, failed ones first, then damaged ones.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    messages
        What went wrong, by the key of a failed or damaged trial.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    key, task, model, length, the ``factors``, seed, state ("failed", "damaged", "running" or "waiting"), attempts
    (times it was started), message (the first line of what went wrong; "" where nothing did).

    """
    names = ["key", "task", "model", "length", *factors, "seed", "state", "attempts"]
    rows = trials.loc[trials["state"] != "complete", names]
    order = {"failed": 0, "damaged": 1}
    rows = rows.sort_values("state", key=lambda states: states.map(lambda s: order.get(s, 2)), kind="stable")
    rows = rows.reset_index(drop=True)
    return rows.assign(message=[messages.get(key, "").partition("\n")[0] for key in rows["key"]])
