"""One row per condition: how far back the gradient of the last answer reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from unroll.analysis.settings import table_of

CURVE = "log10_gradient"
COLUMNS = (
    *(
        "task",
        "model",
        "length",
        "n",
        "steps",
        "reach",
        "reach_low",
        "reach_high",
        "reaches",
        "slope",
        "without",
        "note",
    ),
)


def reaches(found: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return, for each condition, the reach of the gradient in its trained networks.

    Parameters
    ----------
    found
        One row per number, as ``Results.examination`` gives it.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length, the ``factors``; n (networks), steps (those before the last answer), reach (the median of how
    many of them the gradient reaches back, see ``GradientThroughTime``), reach_low, reach_high, reaches (each seed),
    slope (median); without (complete trials that have no number), note (why, of the first of them).

    """
    rows = [_row(group, factors) for _, group in found.groupby("condition", sort=False)]
    return table_of(rows, COLUMNS, factors)


def _row(group: pd.DataFrame, factors: Sequence[str]) -> dict[str, Any]:
    first, without = group.iloc[0], group[group["quantity"].isna()]
    reach = group.loc[group["quantity"] == "gradient_reach", "value"]
    slope = group.loc[group["quantity"] == "gradient_slope", "value"]
    steps = group.loc[group["quantity"] == CURVE, "step"] if "step" in group else pd.Series(dtype="float64")
    return {
        **{name: first[name] for name in ("task", "model", "length", *factors)},
        "n": len(reach),
        "steps": steps.max(),
        "reach": reach.median(),
        "reach_low": reach.min(),
        "reach_high": reach.max(),
        "reaches": reach.tolist(),
        "slope": slope.median(),
        "without": len(without),
        "note": without["note"].iloc[0] if len(without) else "",
    }
