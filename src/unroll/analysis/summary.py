"""One row a condition: what its seeds came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.statistics import deviation, mean, median, t_interval, wilson_interval


def conditions(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    r"""Return one row a condition, in the order in which conditions first appear.

    The mean and standard deviation are over the complete trials of a condition:

    .. math:: \bar x = \frac1n \sum_s x_s, \qquad s = \sqrt{\frac{1}{n-1} \sum_s (x_s - \bar x)^2}

    Parameters
    ----------
    trials
        One row a trial, as ``Results.trials`` gives it.
    factors
        Names of further columns that tell conditions apart, such as "train.learning_rate".

    Returns
    -------
    task, model, length (steps), the ``factors``, notes (the task's variant);
    seeds, test_mse (lists in the same order; None where a trial is not complete), n (complete trials),
    test_mse_mean, test_mse_median (None without a complete trial), test_mse_std, test_mse_low, test_mse_high (the
    t-interval for the mean; None with fewer than two), parameters, seconds_per_epoch (median over the complete trials
    of their medians), updates_to_solve (median over those trials that ever reached the criterion; None where none did),
    baseline, ratio (test_mse_mean to baseline), and how many of the condition's trials are solved, complete, failed and
    waiting (running ones included); solved_rate (solved of complete), solved_low, solved_high (Wilson's interval; None
    with fewer than two complete); solved_metric and solved_below, the criterion.

    """
    groups: dict[str, list[dict[Any, Any]]] = {}
    for trial in trials.to_dict("records"):  # plain rows: hundreds of small frames would take seconds
        groups.setdefault(trial["condition"], []).append(trial)
    rows = [_condition(group, factors) for group in groups.values()]
    return pd.DataFrame(rows, columns=[*_HEAD, *factors, *_TAIL])


_HEAD = ("task", "model", "length")
_TAIL = (
    *("notes", "seeds", "test_mse", "n", "test_mse_mean", "test_mse_std", "test_mse_median"),
    *("test_mse_low", "test_mse_high", "parameters", "seconds_per_epoch", "updates_to_solve", "baseline", "ratio"),
    *("solved", "complete", "failed", "waiting", "solved_rate", "solved_low", "solved_high"),
    *("solved_metric", "solved_below"),
)
_FACTS = ("notes", "parameters", "baseline", "solved_metric", "solved_below")


def _condition(trials: Sequence[dict[Any, Any]], factors: Sequence[str]) -> dict[str, Any]:
    first = trials[0]
    complete = [trial for trial in trials if trial["state"] == "complete"]
    losses = [float(trial["test_mse"]) for trial in complete]
    low, high = t_interval(losses) or (None, None)
    failed = sum(trial["state"] == "failed" for trial in trials)
    solved, n = sum(trial["solved"] == 1 for trial in complete), len(losses)
    solved_low, solved_high = wilson_interval(solved, n) or (None, None)
    middle = mean(losses)
    return {
        **{name: first[name] for name in (*_HEAD, *factors, *_FACTS)},
        "seeds": [int(trial["seed"]) for trial in trials],
        "test_mse": [float(trial["test_mse"]) if trial["state"] == "complete" else None for trial in trials],
        "n": n,
        "test_mse_mean": middle,
        "test_mse_std": deviation(losses),
        "test_mse_median": median(losses),
        "test_mse_low": low,
        "test_mse_high": high,
        "seconds_per_epoch": median(_known(complete, "seconds_per_epoch")),
        "updates_to_solve": median(_known(complete, "updates_to_solve")),
        "ratio": middle / first["baseline"] if middle is not None and first["baseline"] > 0 else None,
        "solved": solved,
        "complete": len(complete),
        "failed": failed,
        "waiting": len(trials) - len(complete) - failed,
        "solved_rate": solved / n if n else None,
        "solved_low": solved_low,
        "solved_high": solved_high,
    }


def _known(trials: Sequence[dict[Any, Any]], metric: str) -> list[float]:
    """Return a metric of those trials that have it."""
    values = [trial.get(metric, np.nan) for trial in trials]
    return [value for value in values if value == value]


def column(trials: pd.DataFrame, name: str) -> pd.Series[float]:
    """Return a metric's column; a study without a complete trial has none yet."""
    return trials[name] if name in trials else pd.Series(np.nan, index=trials.index)
