"""What a measure found in trained networks, over seeds: one row per condition, quantity and place on its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from unroll.analysis.settings import grouped, table_of
from unroll.analysis.statistics import median, median_interval
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
    known = found[found["value"].notna()]
    rows = []
    for place, group in grouped(known, [*head, "quantity", *axes]):
        values = [float(value) for value in group["value"]]
        interval = median_interval(values) or (None, None)
        rows.append(
            {
                **place,
                "words": _words(str(place["quantity"]), quantities or {}),
                **dict(
                    zip(
                        COLUMNS, (len(values), median(values), min(values), max(values), *interval, values), strict=True
                    )
                ),
            }
        )
    return table_of(rows, [*head, "quantity", "words", *axes, *COLUMNS], factors)


def _words(name: str, quantities: Mapping[str, Quantity]) -> str:
    return quantities[name].label if name in quantities else name.replace("_", " ")


def shape(found: pd.DataFrame, quantity: str, factors: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the axes along which a quantity runs; none of a number per trial."""
    mine: Any = found[(found["quantity"] == quantity) & found["value"].notna()]
    return tuple(axis for axis in axes_of(found, factors) if len(mine) and mine[axis].notna().all())
