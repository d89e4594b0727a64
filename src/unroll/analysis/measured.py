"""What a measure found in trained networks, over seeds: one row per condition, quantity and place on its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.settings import known
from unroll.analysis.statistics import median_place
from unroll.axes import Float64, Int64
from unroll.quantity import Quantity

TRIAL = ("key", "condition", "task", "model", "length", "seed", "snapshot", "quantity", "value", "note")
"""The columns of what a store gives, beside the axes and the study's factors."""
COLUMNS = ("n", "median", "low", "high", "interval_low", "interval_high", "each_seed")


def axes_of(found: pd.DataFrame, factors: Sequence[str] = ()) -> list[str]:
    """Return the axes along which anything of a measure runs."""
    return [str(name) for name in found.columns if name not in (*TRIAL, *factors)]


def over_seeds(
    found: pd.DataFrame, factors: Sequence[str] = (), quantities: Mapping[str, Quantity] | None = None
) -> pd.DataFrame:
    """Return a measure's numbers over the seeds of each condition.

    Parameters
    ----------
    found
        One row per number, as ``Results.examination`` gives it; NaN where a trial has none.
    factors
        Names of further columns that tell conditions apart.
    quantities
        What the measure declares, by name, for their words and units.

    Returns
    -------
    task, model, length, the ``factors``; quantity, words (with the unit), the axes (NaN for numbers that run along
    none); n (trials), median, low and high (smallest and largest), interval_low and interval_high (the exact interval
    of the median; None with fewer than six trials), each_seed: in the order of the study.

    """
    head, axes = ["task", "model", "length", *factors], axes_of(found, factors)
    rows = found[found["value"].notna()].reset_index(drop=True)
    conditions: dict[Any, int] = {}
    each = rows.drop_duplicates("condition")
    heads = [conditions.setdefault(known(place), len(conditions)) for place in each[head].itertuples(index=False)]
    codes = [rows["condition"].map(dict(zip(each["condition"], heads, strict=True))), rows["quantity"]]
    codes += [pd.Series(pd.factorize(rows[axis])[0]) for axis in axes]
    groups = rows.groupby(codes, sort=False).ngroup().to_numpy().astype(np.int64)  # numbered as they first appear
    first = np.unique(groups, return_index=True)[1]
    told = rows.iloc[first].reset_index(drop=True)
    words = {name: _words(str(name), quantities or {}) for name in told["quantity"].unique()}
    numbers = _summed(groups, rows["value"].to_numpy(dtype=np.float64))
    places = {name: told[name] for name in (*head, "quantity")}
    return pd.DataFrame({**places, "words": told["quantity"].map(words), **told[axes], **numbers})


def _summed(groups: Int64, values: Float64) -> dict[str, Any]:
    """Return ``COLUMNS`` of each group of values, by their numbers from 0: a map may have a million places."""
    n = np.bincount(groups)
    ends = np.cumsum(n)
    starts = ends - n
    ordered = values[np.lexsort((values, groups))]
    below, above = ordered[starts + (n - 1) // 2], ordered[starts + n // 2]
    with np.errstate(invalid="ignore", over="ignore"):
        middle = np.where(n % 2 == 1, below, (below + above) / 2)
    of_n = {int(one): median_place(int(one)) for one in np.unique(n)}
    intervals = [
        (ordered[start + place - 1], ordered[end - place]) if (place := of_n[count]) else (None, None)
        for start, end, count in zip(starts.tolist(), ends.tolist(), n.tolist(), strict=True)
    ]
    as_told = values[np.argsort(groups, kind="stable")].tolist()
    seeds = [as_told[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    low, high = ([one[side] for one in intervals] for side in (0, 1))
    found = (n, middle, ordered[starts], ordered[ends - 1], low, high, seeds) if len(n) else ([],) * len(COLUMNS)
    return dict(zip(COLUMNS, found, strict=True))


def _words(name: str, quantities: Mapping[str, Quantity]) -> str:
    return quantities[name].label if name in quantities else name.replace("_", " ")


def shape(found: pd.DataFrame, quantity: str, factors: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the axes along which a quantity runs; none of a number per trial."""
    mine: Any = found[(found["quantity"] == quantity) & found["value"].notna()]
    return tuple(axis for axis in axes_of(found, factors) if len(mine) and mine[axis].notna().all())
