"""How much a network remembers, judged by its loss: in steps, symbols or whatever its task counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.scores import numbers
from unroll.analysis.settings import placed, table_of
from unroll.analysis.statistics import median
from unroll.axes import Float64

COLUMNS = ("n", "unit", "most", "each_seed", "amount", "amount_low", "amount_high", "noise")


def memory(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    r"""Return one row per condition of a task with a law of memory that has a complete trial: its effective memory.

    A network that knows a part of what is asked perfectly, and gives the best answer without memory for the rest, mixes
    no loss with the baseline. So with the most that can be remembered, as the task declares it,

    .. math:: \text{amount} = \text{most} \left(1 - \frac{\text{loss}}{\text{baseline}}\right),

    cut to 0 ... most. On the adding problem the most is T steps: a predictor that knows the last k of them, and answers
    1/2 for a marked value that came before, misses each of the two values with probability 1 - k/T, and a missed value
    costs the variance of a uniform number, 1/12; so

    .. math:: \mathrm{MSE}(k) = 2 \left(1 - \frac kT\right) \frac1{12}
              \qquad\Longrightarrow\qquad k_\mathrm{eff} = T (1 - 6\,\mathrm{MSE}).

    A real network may remember more, less well. The formula is exact for markers anywhere, and for markers in halves
    with an even T; with an odd T it is then off by at most half a step.

    Parameters
    ----------
    trials
        One row per trial, as ``Results.trials`` gives it, with a column "task.test": the number N of test sequences.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (T, steps), the ``factors``, n, unit ("steps", "symbols", ...), most, each_seed (list), amount
    (their median), amount_low, amount_high (the smallest and the largest seed; None with one seed: seeds of which some
    solve the task and some do not have no useful mean), noise: the standard error that N test sequences alone give one
    seed's amount, from the standard deviation s of their losses, a median over the seeds,

    .. math:: \text{most} \cdot \frac{s}{\sqrt N \, \text{baseline}}.

    Of trials of the adding problem that are older than the record of s it is, with q = min(1, 6 MSE),

    .. math:: 6T \sqrt{\frac1N \left(\frac{q^2}{15} + \frac{2 q (1 - q)}{80} - \frac{q^2}{36}\right)},

    from the fourth moments 1/80 and 1/15 of one and of the sum of two centred uniform numbers. A memory that is not
    larger than twice its noise cannot be told from none.

    """
    names = ["task", "model", "length", *factors]
    mine = trials[trials["memory_unit"].notna() & (trials["state"] == "complete") & (trials["baseline"] > 0)]
    metrics = {name: numbers(mine, name) for name in _METRICS}
    units, given = mine["memory_unit"].tolist(), mine["task.test"].tolist()
    rows = [
        {**head, "unit": units[places[0]], **_condition({n: of[places] for n, of in metrics.items()}, given[places[0]])}
        for head, places in placed(mine, names)
    ]
    return table_of(rows, [*names, *COLUMNS], factors)


def is_none(row: Any) -> bool:
    """Say whether the memory of a condition cannot be told from none: it is not larger than twice its noise."""
    return bool(row["amount"] <= 2 * row["noise"])


_METRICS = ("memory_most", "baseline", "score", "memoryless_sequences", "test_sd")


def _condition(metrics: Mapping[str, Float64], given: Any) -> dict[str, Any]:
    """Return what a condition keeps, from metrics of its trials; ``given``: how many test sequences were asked for."""
    most, baseline = float(metrics["memory_most"][0]), float(metrics["baseline"][0])
    tested = _middle(metrics["memoryless_sequences"])  # a task whose data are given says none
    test = int(given if tested is None else tested)
    losses: list[float] = metrics["score"].tolist()
    amounts = [min(max(most * (1 - loss / baseline), 0.0), most) for loss in losses]
    several = len(amounts) > 1
    spread = _middle(metrics["test_sd"])
    return {
        "n": len(amounts),
        "most": most,
        "each_seed": amounts,
        "amount": median(amounts),
        "amount_low": min(amounts) if several else None,
        "amount_high": max(amounts) if several else None,
        "noise": _of_adding(most, float(np.median(losses)), test)
        if spread is None
        else most * spread / (math.sqrt(test) * baseline),
    }


def _middle(values: Float64) -> float | None:
    """Return the median of what is there; None where that is nothing, or not finite."""
    found = median(values[~np.isnan(values)].tolist())
    return found if found is not None and math.isfinite(found) else None


def _of_adding(length: float, loss: float, test: int) -> float:
    q = min(1.0, 6 * loss)
    return 6 * length * math.sqrt((q * q / 15 + 2 * q * (1 - q) / 80 - q * q / 36) / test)
