"""Histories as curves: one a trial, thinned without losing an extreme, and one a condition, over its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from unroll.analysis.settings import as_they_are
from unroll.defaults import POINTS

TRIAL = ("key", "condition", "task", "model", "length", "seed", "axis")


def thinned(histories: pd.DataFrame, points: int = POINTS) -> pd.DataFrame:
    """Return each trial's curve with at most so many points, each the smallest and largest of the values it stands for.

    A curve that has no more values than that keeps every one. A longer one is cut into ``points`` stretches whose
    numbers of values differ by at most one; nothing is left out of their minimum and maximum, so that a spike of a
    single update is seen however many updates there are.

    Parameters
    ----------
    histories
        One row per value, as ``Results.histories`` gives it.
    points
        The most points that a curve may have.

    Returns
    -------
    key, condition, task, model, length, seed, axis ("epoch" or "update"); first, last (the places on that axis that a
    point stands for, from 1), low, high (minimum and maximum over them), value (their median).

    """
    pieces = []
    for _, group in histories.groupby("key", sort=False):
        values = group["value"].to_numpy(np.float64)
        kept = min(points, len(values))
        starts = np.arange(kept, dtype=np.int64) * len(values) // kept
        ends = np.append(starts[1:], len(values))
        piece: dict[str, Any] = {
            "first": starts + 1,
            "last": ends,
            "low": np.fmin.reduceat(values, starts),
            "high": np.fmax.reduceat(values, starts),
            "value": _medians(values, starts, ends),
        }
        pieces.append(pd.DataFrame({**{name: group[name].iloc[0] for name in TRIAL}, **piece}))
    columns = [*TRIAL, "first", "last", "low", "high", "value"]
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=columns)


def curves(each: pd.DataFrame, factors: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per condition and point: the median over its seeds, and the lowest and highest of their values.

    Parameters
    ----------
    each
        One row per trial and point, as ``thinned`` gives it. Of each condition only the longest curves count: one of a
        trial that failed on its way or was stopped early ends earlier, and its points would stand for other places.
    factors
        Names of further columns that tell conditions apart.

    Returns
    -------
    condition, task, model, length, the ``factors``, axis, first, last, n (trials at this point), median (over the
    trials, of their values), low, high (minimum and maximum over the trials).

    """
    names = ["condition", "task", "model", "length", *factors, "axis"]
    ends = each.groupby("key", sort=False)["last"].transform("max")
    whole = each[ends == each.groupby("condition", sort=False)["last"].transform("max")]
    found = (
        whole.groupby(["condition", "first", "last"], sort=False)
        .agg(n=("value", "size"), median=("value", "median"), low=("low", "min"), high=("high", "max"))
        .reset_index()
    )
    heads = whole[names].drop_duplicates("condition")
    places = {condition: place for place, condition in enumerate(heads["condition"])}
    rows = heads.iloc[[places[condition] for condition in found["condition"]]].reset_index(drop=True)
    columns = {name: as_they_are(rows[name].tolist()) if name in factors else rows[name] for name in names}
    return pd.DataFrame({**columns, **{name: found[name] for name in found.columns if name != "condition"}})


def _medians(values: Any, starts: Any, ends: Any) -> Any:
    if len(starts) == len(values):
        return values
    medians, sizes = np.empty(len(starts)), ends - starts
    for size in np.unique(sizes):  # two sizes at most: all stretches of one are taken together
        chosen = sizes == size
        medians[chosen] = np.median(values[starts[chosen, None] + np.arange(size)], axis=1)
    return medians
