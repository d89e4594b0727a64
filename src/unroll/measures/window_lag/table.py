"""One row per model, lag and capacity: how much memory a gap asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from unroll.analysis.overlap import COUNTS, counts
from unroll.analysis.settings import table_of
from unroll.analysis.statistics import median

CAPACITIES = ("window", "hidden")
"""What a model's memory is counted in: the values that a window holds, else the units of the state."""

COLUMNS = ("capacity_name", "capacity", "planned", "n", "unexplained", "each_seed", "solved", "parameters", *COUNTS)


def window_lag(trials: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    r"""Return how much of the announced value each model leaves unexplained.

    .. math:: \text{unexplained} = \text{test MSE} / \text{baseline}

    0 where the value is always known, 1 where it never is.

    Parameters
    ----------
    trials
        One row per trial of a task of delayed recall, as ``Results.trials`` gives it, with the columns
        ``model.window``, ``model.hidden`` and ``model.parameters`` (None where a model has no such setting, or it is
        not given).
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    task, model, length (the lag, in steps), the ``factors``, capacity_name ("window" or "hidden"), capacity,
    planned (trials), n (complete ones); unexplained (median over the trials), each_seed, solved (how many), parameters;
    train_inputs, test_inputs, test_seen: see ``unroll.measures.horizons.table``. Models without either setting, or
    whose hidden size follows from a number of parameters, have no rows.

    """
    head = ["task", "model", "length", *factors]
    rows = [_row(group, head) for _, group in trials.groupby("condition", sort=False)]
    table = table_of([row for row in rows if row is not None], [*head, *COLUMNS], factors)
    order = {name: place for place, name in enumerate(dict.fromkeys(table["model"]))}
    return table.sort_values(
        ["model", "capacity", "length"], key=lambda column: column.map(order) if column.name == "model" else column
    ).reset_index(drop=True)


def further(table: pd.DataFrame, factors: Sequence[str]) -> list[str]:
    """Return the factors that tell rows of the map apart beside model, lag and capacity.

    A capacity is one of them where it varies in rows that are counted in the other.
    """
    return [
        factor
        for factor in factors
        if factor in table
        and (
            factor.removeprefix("model.") not in set(table["capacity_name"])
            or table.loc[table["capacity_name"] != factor.removeprefix("model."), factor].nunique(dropna=False) > 1
        )
    ]


def _row(trials: pd.DataFrame, head: Sequence[str]) -> dict[str, Any] | None:
    first = trials.iloc[0]
    name = next((name for name in CAPACITIES if pd.notna(first[f"model.{name}"])), None)
    if name is None or (name == "hidden" and pd.notna(first["model.parameters"])):
        return None
    complete = trials[trials["state"] == "complete"]
    shares = [float(loss) for loss in complete["score"] / complete["baseline"]] if len(complete) else []
    return {
        **{column: first[column] for column in head},
        "capacity_name": name,
        "capacity": int(first[f"model.{name}"]),
        "planned": len(trials),
        "n": len(shares),
        "unexplained": median(shares),
        "each_seed": shares,
        "solved": int(complete["solved"].sum()) if len(complete) else 0,
        "parameters": int(first["parameters"]),
        **counts(trials),
    }
