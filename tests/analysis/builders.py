"""Frames of trials, as ``Results.trials`` gives them, from a few numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

Outcome = float | str
"""A test MSE, or "failed" or "waiting"."""


def trials(
    outcomes: Mapping[tuple[str, int], Sequence[Outcome]],
    *,
    task: str = "adding",
    baseline: float = 1 / 6,
    below: float = 0.01,
    tested: int = 2000,
    **columns: Any,
) -> pd.DataFrame:
    """Return a row for each outcome of each (model, length); seeds count from 1."""
    rows = []
    for (model, length), each in outcomes.items():
        for seed, outcome in enumerate(each, 1):
            complete = not isinstance(outcome, str)
            loss = outcome if complete else math.nan
            rows.append(
                {
                    "key": f"{task}-{model}-{length}-{seed}-{'-'.join(map(str, columns.values()))}",
                    "condition": f"{task}-{model}-{length}-{'-'.join(map(str, columns.values()))}",
                    "task": task,
                    "model": model,
                    "length": length,
                    "seed": seed,
                    "notes": "markers anywhere",
                    "state": "complete" if complete else outcome,
                    "parameters": 100,
                    "baseline": baseline,
                    "solved_metric": "test_mse",
                    "solved_below": below,
                    "solved_above": math.nan,
                    "score_name": "test_mse",
                    "score_words": "test MSE",
                    "criterion": f"test MSE < {below:g}",
                    "error_metric": None,
                    "chance": math.nan,
                    "memoryless": True,
                    "second_name": None,
                    "second_words": None,
                    "second_loss": math.nan,
                    "second_accuracy": math.nan,
                    "memory_unit": "steps" if task == "adding" else None,
                    "memory_most": float(length),
                    "attempts": 1,
                    "score": loss,
                    "test_mse": loss,
                    "solved": float(loss < below) if complete else math.nan,
                    "seconds_per_epoch": 0.01 * length if complete else math.nan,
                    "updates_to_solve": 1000.0 * seed if complete and loss < below else math.nan,
                    "task.test": tested,
                    "memoryless_gain": baseline - loss,
                    "memoryless_gain_error": 0.02 * baseline,
                    "memoryless_sequences": float(tested) if complete else math.nan,
                    **columns,
                }
            )
    return pd.DataFrame(rows)
