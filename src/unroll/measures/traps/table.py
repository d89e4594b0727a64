"""One row per condition: which of the source notebook's traps are off, and what that was worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.metric import column
from unroll.analysis.overlap import COUNTS, counts
from unroll.analysis.settings import known, table_of
from unroll.analysis.statistics import median

TRAPS = {
    "task.scale": ("whole", "scale"),
    "generate.prime": ("twice", "priming twice"),
    "task.split": ("none", "overlap"),
    "model.nonlinearity": ("tanh", "bounded state"),
}
"""The settings that turn a trap on, with the value that does, and what the trap is called."""

SETTINGS = (*TRAPS, "task.representation")

COLUMNS = (
    *("task", "model", "length", *SETTINGS, "off", "n", "relative_error", "relative_error_8"),
    *("prompt_error", "one_step_error", "worth", "sequences", *COUNTS),
)


def traps(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return, for each condition, its traps and its free-running error at step 8.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it, with a column for each of ``SETTINGS`` (None where a trial
        has no such setting) and ``prompt_error``, the relative error of the last stored value after the prompt.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length, the settings, the further ``factors``; off (names of the traps turned off; one that a trial has
    no setting for is not), n (complete trials); relative_error (median over the trials at step 8, on test sequences),
    relative_error_8 (each seed), prompt_error and one_step_error (medians; the latter with the truth fed, relative);
    worth: the error of the condition with every trap on, and the same in everything else that varies, divided by this
    one's; NaN where there is none, or more than one; sequences (how many the median of a trial is over, at least),
    train_inputs, test_inputs, test_seen: see ``unroll.measures.horizons.table``.

    """
    further = [factor for factor in factors if factor not in SETTINGS]
    rows = [_row(group, further) for _, group in trials.groupby("condition", sort=False)]
    same = ["task", "model", "length", *(factor for factor in factors if factor not in TRAPS)]
    notebook: dict[tuple[Any, ...], list[float | None]] = {}
    for row in rows:
        if not row["off"]:
            notebook.setdefault(_place(row, same), []).append(row["relative_error"])
    for row in rows:
        before, now = notebook.get(_place(row, same), []), row["relative_error"]
        row["worth"] = before[0] / now if len(before) == 1 and before[0] and now else np.nan
    return table_of(rows, [*COLUMNS[:8], *further, *COLUMNS[8:]], [*SETTINGS, *further])


def _row(trials: pd.DataFrame, further: Sequence[str]) -> dict[str, Any]:
    first = trials.iloc[0]
    complete = trials[trials["state"] == "complete"]
    errors = [float(error) for error in column(complete, "relative_error_8")]
    return {
        **{name: first[name] for name in ("task", "model", "length", *SETTINGS, *further)},
        "off": [name for setting, (on, name) in TRAPS.items() if pd.notna(first[setting]) and first[setting] != on],
        "n": len(errors),
        "relative_error": median(errors),
        "relative_error_8": errors,
        "prompt_error": _median(complete, "prompt_error"),
        "one_step_error": _median(complete, "one_step_relative_error_within"),
        "sequences": column(complete, "n_within").min(),
        **counts(trials),
    }


def _place(row: dict[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    return known(row[name] for name in names)


def _median(trials: pd.DataFrame, name: str) -> float | None:
    return median(column(trials, name).dropna().tolist())
