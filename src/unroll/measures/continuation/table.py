"""One row per trial and step: what the trained models made of the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

COLUMNS = ("step", "value", "truth", "absolute_error", "relative_error", "output_ceiling")


def continuations(
    trials: pd.DataFrame, curves: Mapping[str, pd.DataFrame], factors: Sequence[str] = ()
) -> pd.DataFrame:
    """Return how each complete trial continued the prompt of its ``[generate]`` section.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    curves
        The histories ``continuation``, ``truth`` and ``relative_error``, one row per value: see ``Results.histories``;
        nothing where no trial has continued anything.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (the window T), the ``factors``, seed, key; step (from 1), value, truth and the errors of the
    value, NaN where no rule gives the truth; output_ceiling: the largest absolute value that the model's bounded state
    allows, NaN where it has no such bound.

    """
    head = ["task", "model", "length", *factors, "seed", "key"]
    if not curves:
        return pd.DataFrame(columns=[*head, *COLUMNS])
    ceiling = trials.get("output_ceiling", np.nan)
    table = trials[head].assign(output_ceiling=ceiling).merge(_named(curves["continuation"], "value"), on="key")
    for name in ("truth", "relative_error"):
        table = table.merge(_named(curves[name], name), on=["key", "step"], how="left")
    table["absolute_error"] = (table["value"] - table["truth"]).abs()
    return table[[*head, *COLUMNS]]


def _named(curve: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a history's key, step and value, the value in float64 under a name of its own."""
    return curve[["key", "step", "value"]].astype({"value": "float64"}).rename(columns={"value": name})
