"""On how many different inputs number sequences were trained and tested, and how many of the tested had been seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.wording import level

COUNTS = ("train_inputs", "test_inputs", "test_seen")
FEWEST = 3
"""Fewer different inputs than these, all of them seen in training: the code has made a constant of the task."""


def counts(trials: pd.DataFrame) -> dict[str, float]:
    """Return the medians of the counts over a condition's complete trials; NaN where a trial did not record them."""
    complete = trials[trials["state"] == "complete"]
    return {name: float(complete[name].median()) if name in complete else np.nan for name in COUNTS}


def constant(row: Any) -> bool:
    """Say whether the code has made a constant of the task in a row with the counts."""
    return bool(row["test_seen"] == 1 and row["train_inputs"] < FEWEST)


def constants(frame: pd.DataFrame, factors: Sequence[str] = ()) -> list[str]:
    """Return the conditions of a table in which the task has become a constant, each task and code once."""
    found: dict[str, None] = {}
    for row in frame.to_dict("records"):
        if constant(row):
            settings = [
                level(name, row[name]) for name in factors if name.startswith("task.") and row[name] == row[name]
            ]
            found[" as ".join([row["task"], *settings])] = None
    return list(found)
