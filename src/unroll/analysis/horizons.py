"""One row a condition, regime and horizon: how far ahead a model can be left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

COLUMNS = (
    *("regime", "horizon", "n", "absolute_error", "relative_error"),
    *("relative_error_low", "relative_error_high", "each_seed"),
)


def horizons(
    trials: pd.DataFrame, curves: Mapping[tuple[str, str], pd.DataFrame], factors: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the free-running errors on the test sequences: medians over a condition's complete trials.

    A trial's own error at a horizon is the median over its sequences; see ``unroll.training.measures``.

    Parameters
    ----------
    trials
        One row a trial, as ``Results.trials`` gives it.
    curves
        The histories ``absolute_error_<regime>`` and ``relative_error_<regime>``, by (regime, "absolute_error" or
        "relative_error"), one row a value, as ``Results.histories`` gives them.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (the window T), the ``factors``; regime, horizon (steps ahead, from 1), n (trials),
    absolute_error (in the task's own units), relative_error, the smallest and the largest relative error of a trial,
    and each_seed: the trials' relative errors in the order of their seeds in the study.

    """
    head = ["task", "model", "length", *factors]
    keyed = trials[["key", "condition", *head]].reset_index(names="order")
    order = pd.Series(range(len(trials)), index=pd.Index(trials["condition"])).groupby(level=0).min()
    parts = []
    for regime in dict.fromkeys(regime for regime, _ in curves):
        relative = curves[regime, "relative_error"][["key", "step", "value"]]
        absolute = curves[regime, "absolute_error"][["key", "step", "value"]]
        both = relative.merge(absolute, on=["key", "step"], suffixes=("_relative", "_absolute"))
        both = keyed.merge(both, on="key").sort_values("order", kind="stable")
        grouped = both.groupby(["condition", "step"], sort=False)
        found = grouped.agg(
            **{name: (name, "first") for name in head},
            n=("key", "size"),
            absolute_error=("value_absolute", "median"),
            relative_error=("value_relative", "median"),
            relative_error_low=("value_relative", "min"),
            relative_error_high=("value_relative", "max"),
            each_seed=("value_relative", lambda values: [float(value) for value in values]),
        ).reset_index(names=["condition", "horizon"])
        parts.append(found.assign(regime=regime, regime_order=len(parts), order=found["condition"].map(order)))
    if not parts:
        return pd.DataFrame(columns=[*head, *COLUMNS])
    table = pd.concat(parts).sort_values(["order", "regime_order", "horizon"], kind="stable")
    return table[[*head, *COLUMNS]].reset_index(drop=True)
