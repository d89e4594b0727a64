"""One row a condition: what its seeds came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


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
    test_mse_mean (None without a complete trial), test_mse_std (None with fewer than two), parameters,
    seconds_per_epoch (median over the complete trials of their medians), baseline, and how many of the condition's
    trials are solved, complete, failed and waiting (running ones included).

    """
    rows = [_condition(group, factors) for _, group in trials.groupby("condition", sort=False)]
    return pd.DataFrame(rows, columns=[*_HEAD, *factors, *_TAIL])


_HEAD = ("task", "model", "length")
_TAIL = (
    *(
        "notes",
        "seeds",
        "test_mse",
        "n",
        "test_mse_mean",
        "test_mse_std",
        "parameters",
        "seconds_per_epoch",
        "baseline",
    ),
    *("solved", "complete", "failed", "waiting"),
)


def _condition(trials: pd.DataFrame, factors: Sequence[str]) -> dict[str, Any]:
    first = trials.iloc[0]
    complete = trials[trials["state"] == "complete"]
    losses = [float(loss) for loss in _column(complete, "test_mse")]
    failed = int((trials["state"] == "failed").sum())
    return {
        **{name: first[name] for name in (*_HEAD, *factors, "notes", "parameters", "baseline")},
        "seeds": [int(seed) for seed in trials["seed"]],
        "test_mse": [
            float(loss) if state == "complete" else None
            for loss, state in zip(_column(trials, "test_mse"), trials["state"], strict=True)
        ],
        "n": len(losses),
        "test_mse_mean": float(np.mean(losses)) if losses else None,
        "test_mse_std": float(np.std(losses, ddof=1)) if len(losses) > 1 else None,
        "seconds_per_epoch": float(_column(complete, "seconds_per_epoch").median()) if losses else None,
        "solved": int(_column(complete, "solved").sum()),
        "complete": len(complete),
        "failed": failed,
        "waiting": len(trials) - len(complete) - failed,
    }


def _column(trials: pd.DataFrame, name: str) -> pd.Series[float]:
    """Return a metric's column; a study without a complete trial has none yet."""
    return trials[name] if name in trials else pd.Series(np.nan, index=trials.index)
