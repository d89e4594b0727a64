"""How many of the last steps a network remembers, judged by its loss on the adding problem."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.statistics import median

TASK = "adding"


def memory(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    r"""Return one row a condition of the adding problem with a complete trial: its effective memory.

    Somebody who remembers the last k of T steps perfectly, and answers 1/2 for a marked value that came before them,
    misses each of the two marked values with probability 1 - k/T, and a missed value costs the variance of a uniform
    number, 1/12. So

    .. math:: \mathrm{MSE}(k) = 2 \left(1 - \frac kT\right) \frac1{12}
              \qquad\Longrightarrow\qquad k_\mathrm{eff} = T (1 - 6\,\mathrm{MSE}).

    It is the number of last steps that a perfect memory would need for the same loss; a real network may remember more
    steps less well. The formula is exact for markers anywhere, and for markers in halves with an even T; with an odd T
    it is then off by at most half a step. A loss above 1/6, worse than remembering nothing, counts as 0 steps.

    Parameters
    ----------
    trials
        One row a trial, as ``Results.trials`` gives it, with a column "task.test": the number N of test sequences.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (T, steps), the ``factors``, n, each_seed (list; cut to 0 ... T), steps (their median),
    steps_low, steps_high (the smallest and the largest seed; None with one seed: seeds of which some solve the task and
    some do not have no useful mean), noise: the standard error that N test sequences alone give one seed's value,

    .. math:: 6T \sqrt{\frac1N \left(\frac{q^2}{15} + \frac{2 q (1 - q)}{80} - \frac{q^2}{36}\right)},
              \qquad q = \min(1, 6\,\mathrm{MSE}),

    from the fourth moments 1/80 and 1/15 of one and of the sum of two centred uniform numbers. A memory that is not
    larger than twice its noise cannot be told from none.

    """
    names = ["task", "model", "length", *factors]
    mine = trials[(trials["task"] == TASK) & (trials["state"] == "complete")]
    rows = [
        {**dict(zip(names, key, strict=True)), **_condition(group)}
        for key, group in mine.groupby(names, sort=False, dropna=False)
    ]
    return pd.DataFrame(rows, columns=[*names, "n", "each_seed", "steps", "steps_low", "steps_high", "noise"])


def _condition(trials: pd.DataFrame) -> dict[str, Any]:
    length, test = int(trials["length"].iloc[0]), int(trials["task.test"].iloc[0])
    losses = trials["test_mse"].tolist()
    steps = [min(max(length * (1 - 6 * loss), 0.0), float(length)) for loss in losses]
    several = len(steps) > 1
    return {
        "n": len(steps),
        "each_seed": steps,
        "steps": median(steps),
        "steps_low": min(steps) if several else None,
        "steps_high": max(steps) if several else None,
        "noise": _noise(length, float(np.median(losses)), test),
    }


def _noise(length: int, loss: float, test: int) -> float:
    q = min(1.0, 6 * loss)
    return 6 * length * math.sqrt((q * q / 15 + 2 * q * (1 - q) / 80 - q * q / 36) / test)
