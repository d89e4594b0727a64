"""One row a condition, regime and horizon: how far ahead a model can be left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

COLUMNS = (
    *("regime", "horizon", "n", "absolute_error", "relative_error"),
    *("relative_error_low", "relative_error_high", "each_seed", "one_step_error"),
)

STEP = ["key", "step"]


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
        The histories ``relative_error_<regime>``, ``absolute_error_<regime>`` and ``one_step_error_<regime>``, by
        (regime, "relative_error") and so on, one row a value: see ``Results.histories``.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (the window T), the ``factors``; regime, horizon (steps ahead, from 1), n (trials),
    absolute_error (in the task's own units), relative_error, the smallest and the largest relative error of a trial,
    each_seed: the trials' relative errors in the order of their seeds in the study; one_step_error: relative, at that
    place of the sequence, with the truth fed until then.

    """
    head = ["task", "model", "length", *factors]
    keyed = trials[["key", "condition", *head]].reset_index(names="order")
    order = pd.Series(range(len(trials)), index=pd.Index(trials["condition"])).groupby(level=0).min()
    parts: list[pd.DataFrame] = []
    for regime in dict.fromkeys(regime for regime, _ in curves):
        errors = keyed
        for name, on in (("relative_error", ["key"]), ("absolute_error", STEP), ("one_step_error", STEP)):
            curve = curves[regime, name][[*STEP, "value"]].astype({"value": "float64"})
            errors = errors.merge(curve.rename(columns={"value": name}), on=on)
        grouped = errors.sort_values("order", kind="stable").groupby(["condition", "step"], sort=False)
        found = grouped.agg(
            **{name: (name, "first") for name in head},
            n=("key", "size"),
            absolute_error=("absolute_error", "median"),
            relative_error=("relative_error", "median"),
            relative_error_low=("relative_error", "min"),
            relative_error_high=("relative_error", "max"),
            each_seed=("relative_error", list),
            one_step_error=("one_step_error", "median"),
        ).reset_index(names=["condition", "horizon"])
        parts.append(found.assign(regime=regime, regime_order=len(parts), order=found["condition"].map(order)))
    if not parts:
        return pd.DataFrame(columns=[*head, *COLUMNS])
    table = pd.concat(parts).sort_values(["order", "regime_order", "horizon"], kind="stable")
    return table[[*head, *COLUMNS]].reset_index(drop=True)
