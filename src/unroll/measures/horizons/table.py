"""One row per condition, regime and horizon: how far ahead a free-running model holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from unroll.analysis.metric import column
from unroll.analysis.overlap import COUNTS, counts
from unroll.analysis.settings import as_they_are, placed

COLUMNS = (
    *("regime", "horizon", "n", "sequences", "absolute_error", "relative_error"),
    *("relative_error_low", "relative_error_high", "each_seed", "one_step_error", "validation_error", *COUNTS),
)

REGIMES = {
    "within": "same range",
    "longer": "later terms",
    "larger": "ten times larger",
    "starts": "other starts",
    "step": "other pace",
    "coefficients": "other coefficients",
}
"""The regimes of the test sequences, and what they are shown as. Only parameters are of a range, not the steps ahead.

``within``: parameters of the trained range; ``longer``: the same sequences, from where those of training end; the rest:
parameters beyond the range, or between those trained on.
"""

STEP = ["key", "step"]


def horizons(
    trials: pd.DataFrame, curves: Mapping[tuple[str, str], pd.DataFrame], factors: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the free-running errors on the test sequences: medians over a condition's complete trials.

    A trial's own error at a horizon is the median over its sequences; see ``unroll.measures.horizons.compute``.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it.
    curves
        The histories ``relative_error_<regime>``, ``absolute_error_<regime>`` and ``one_step_error_<regime>``, by
        (regime, "relative_error") and so on, one row per value: see ``Results.histories``.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (the window T), the ``factors``; regime (see ``REGIMES``), horizon (steps ahead, from 1), n
    (trials), sequences (how many the median of a trial is over, at least; NaN where that was not recorded),
    absolute_error (in the task's own units), relative_error, the smallest and the largest relative error of a trial,
    each_seed: the trials' relative errors in the order of their seeds in the study; one_step_error: relative, at that
    place of the sequence, with the truth fed until then; validation_error: absolute, on validation sequences, by which
    settings are chosen (NaN without); train_inputs, test_inputs: different ones, as coded; test_seen: the share of
    those that training had as well (all medians over the trials; NaN where that was not recorded).

    """
    head = ["task", "model", "length", *factors]
    if not curves:
        return pd.DataFrame(columns=[*head, *COLUMNS])
    keyed = trials[["key", "condition", *head]].reset_index(names="order")
    order = pd.Series(range(len(trials)), index=pd.Index(trials["condition"])).groupby(level=0).min()
    heads = {str(row["condition"]): row for row in keyed.to_dict("records")}
    parts: list[pd.DataFrame] = []
    for regime in dict.fromkeys(regime for regime, _ in curves):
        errors = keyed
        for name, on in (("relative_error", ["key"]), ("absolute_error", STEP), ("one_step_error", STEP)):
            curve = curves[regime, name][[*STEP, "value"]].astype({"value": "float64"})
            errors = errors.merge(curve.rename(columns={"value": name}), on=on)
        grouped = errors.sort_values("order", kind="stable").groupby(["condition", "step"], sort=False)
        found = grouped.agg(
            n=("key", "size"),
            absolute_error=("absolute_error", "median"),
            relative_error=("relative_error", "median"),
            relative_error_low=("relative_error", "min"),
            relative_error_high=("relative_error", "max"),
            each_seed=("relative_error", list),
            one_step_error=("one_step_error", "median"),
        ).reset_index(names=["condition", "horizon"])
        found["sequences"] = found["condition"].map(_of_conditions(trials, f"n_{regime}", "min"))
        parts.append(found.assign(regime=regime, regime_order=len(parts), order=found["condition"].map(order)))
    table = pd.concat(parts).sort_values(["order", "regime_order", "horizon"], kind="stable", ignore_index=True)
    for name in head:
        table[name] = as_they_are([heads[condition][name] for condition in table["condition"]])
    for name in COUNTS:
        table[name] = table["condition"].map({key: counts(group)[name] for key, group in trials.groupby("condition")})
    table["validation_error"] = table["condition"].map(_of_conditions(trials, "free_running_validation", "median"))
    return table[[*head, *COLUMNS]].reset_index(drop=True)


def ahead(table: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the conditions that run further than one step ahead."""
    conditions = (places for _, places in placed(table, ["task", "model", "length", *factors]))
    far = [place for places in conditions if table["horizon"].iloc[places].max() > 1 for place in places]
    return table.iloc[sorted(far)]


def _of_conditions(trials: pd.DataFrame, name: str, how: str) -> dict[str, float]:
    """Return the "min" or "median" of a metric over each condition's trials; NaN where none has it."""
    values = column(trials, name).astype("float64").groupby(trials["condition"]).agg(how)
    return {str(condition): float(value) for condition, value in values.items()}
