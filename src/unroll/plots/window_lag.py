"""Window and lag: how much of an announced value is lost, by its distance and the model's capacity."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from unroll.plots import panels
from unroll.plots.source import Source
from unroll.plots.style import Drawing, new, styled
from unroll.wording import MISSING, label

NEEDS = 'a planned trial of the task "announce"'


def table(source: Source) -> pd.DataFrame:
    """Return one row a model, lag and capacity.

    panel (model, and settings that vary), capacity_name ("window" or "hidden"), capacity, lag (steps), n (complete
    trials), unexplained (share of the baseline's loss, median; None without a complete trial), solved (trials).
    """
    found = source.window_lag().rename(columns={"length": "lag"})
    if found.empty:
        return found
    names = ["capacity_name", "capacity", "lag", "n", "unexplained", "solved"]
    capacities = {f"model.{name}" for name in found["capacity_name"]}  # what the rows of a map are
    further = [name for name in source.factors if name in found and name not in capacities]
    varying = [name for name in further if found[name].nunique(dropna=False) > 1]
    titles = [
        panels.printable(" · ".join([label(row["model"]), *(f"{name} = {row[name]}" for name in varying)]))
        for row in panels.records(found)
    ]
    return found[names].assign(panel=titles)


def window_lag(table: pd.DataFrame) -> Drawing:
    """Draw the table: a map for each model; the darker, the more of the value is known."""
    with styled():
        parts = panels.by_panel(table)
        lags = sorted(table["lag"].unique())
        heights = [0.27 * rows["capacity"].nunique() + 0.3 for _, rows in parts]
        figure = new(sum(heights) + 0.4)
        axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
        for (title, rows), one in zip(parts, axes, strict=True):
            _draw(one, rows, lags)
            one.set_title(panels.shorter(title))
        axes[-1].set_xticks(range(len(lags)), [f"{lag:,}" for lag in lags])
        axes[-1].set_xlabel("lag: steps between the announced value and the question")
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, name, capacity), rows in table.groupby(["panel", "capacity_name", "capacity"], sort=False):
        solved = rows.loc[(rows["solved"] > 0) & (rows["solved"] == rows["n"]), "lag"]
        far = f"up to lag {solved.max():,}" if len(solved) else "at no lag"
        parts.append(f"{panel} with {name} {capacity:,} {far}")
    return f"Where the announced value is known in every seed: {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    return "Numbers: the share of the value's variance that stays unexplained, 0 when it is known, 1 when it is not."


def _draw(axes: Axes, rows: pd.DataFrame, lags: list[int]) -> None:
    capacities = sorted(rows["capacity"].unique())
    for row in panels.records(rows):
        place = lags.index(row["lag"]), capacities.index(row["capacity"])
        unexplained = row["unexplained"]
        if pd.isna(unexplained):
            panels.tile(axes, *place, 0.0, MISSING, missing=True)
        else:
            panels.tile(axes, *place, min(max(1.0 - unexplained, 0.0), 1.0), f"{unexplained:.2f}")
    axes.set_xlim(-0.55, len(lags) - 0.45)
    axes.set_ylim(-0.5, len(capacities) - 0.5)
    axes.set_yticks(range(len(capacities)), [f"{capacity:,}" for capacity in capacities])
    axes.set_ylabel({"window": "window, values", "hidden": "hidden units"}[rows["capacity_name"].iloc[0]])
    panels.bare(axes)
