"""Window and lag: how much of an announced value is lost, by its distance and the model's capacity."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from unroll.measures.source import Source
from unroll.measures.window_lag.table import further
from unroll.plots import panels
from unroll.plots.style import Drawing, new, styled
from unroll.wording import MISSING, labels, level, reached


def points(source: Source) -> pd.DataFrame:
    """Return one row per model, lag and capacity.

    panel (model, and settings that vary), capacity_name ("window" or "hidden"), capacity, lag (steps), planned
    (trials), n (complete ones), unexplained (share of the baseline's loss, median; None without a complete trial),
    each_seed (list: that share for each), solved (trials).
    """
    found = source.measure("window_lag").rename(columns={"length": "lag"})
    if found.empty:
        return found
    names = ["capacity_name", "capacity", "lag", "planned", "n", "unexplained", "each_seed", "solved"]
    varying = [name for name in further(found, source.factors) if found[name].nunique(dropna=False) > 1]
    names_of = labels(dict.fromkeys(found["model"]))
    titles = [
        " · ".join([names_of[row["model"]], *(f"{name} = {level(name, row[name])}" for name in varying)])
        for row in panels.records(found)
    ]
    return found[names].assign(panel=titles)


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: a map for each model; the darker, the more of the value is known."""
    with styled():
        parts = panels.by_panel(table)
        lags = sorted(table["lag"].unique())
        titles = panels.above([title for title, _ in parts])
        heights = [0.33 * rows["capacity"].nunique() + 0.3 for _, rows in parts]
        heights = [height + panels.further_lines(title) for height, title in zip(heights, titles, strict=True)]
        figure = new(sum(heights) + 0.4)
        axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
        for title, (_, rows), one in zip(titles, parts, axes, strict=True):
            _draw(one, rows, lags)
            one.set_title(title)
        axes[-1].set_xticks(range(len(lags)), [f"{lag:,}" for lag in lags])
        axes[-1].set_xlabel("lag: steps between the announced value and the question")
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, name, capacity), rows in table.groupby(["panel", "capacity_name", "capacity"], sort=False):
        solved = rows.loc[(rows["solved"] > 0) & (rows["solved"] == rows["planned"]), "lag"]
        far = reached(rows["lag"].tolist(), solved.tolist(), "lag ")
        parts.append(f"{panel} with {name} {capacity:,} {far}")
    trained, planned = int(table["n"].sum()), int(table["planned"].sum())
    so_far = f" {trained:,} of {planned:,} trials are trained so far." if trained < planned else ""
    return f"Where the announced value is known in every planned seed: {panels.some(parts)}.{so_far}"


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    hatched = " Hatched where trials are missing." if (table["n"] < table["planned"]).any() else ""
    spread = (
        " Lines: from the smallest to the largest of the seeds, a cell reaching from 0 to 1." if _several(table) else ""
    )
    return (
        "Numbers: the share of the value's variance that stays unexplained, 0 when it is known, 1 when it is not; "
        f"medians over seeds.{spread}{hatched}"
    )


def _several(table: pd.DataFrame) -> bool:
    return bool(table["each_seed"].map(len).max() > 1)


def _draw(axes: Axes, rows: pd.DataFrame, lags: list[int]) -> None:
    capacities = sorted(rows["capacity"].unique())
    for row in panels.records(rows):
        place = lags.index(row["lag"]), capacities.index(row["capacity"])
        unexplained = row["unexplained"]
        share, text = (
            (0.0, MISSING) if pd.isna(unexplained) else (min(max(1.0 - unexplained, 0.0), 1.0), f"{unexplained:.2f}")
        )
        panels.tile(axes, *place, share, text, missing=row["n"] < row["planned"], spread=_spread(row["each_seed"]))
    axes.set_xlim(-0.55, len(lags) - 0.45)
    axes.set_ylim(-0.5, len(capacities) - 0.5)
    axes.set_yticks(range(len(capacities)), [f"{capacity:,}" for capacity in capacities])
    axes.set_ylabel({"window": "window, values", "hidden": "hidden units"}[rows["capacity_name"].iloc[0]])
    panels.bare(axes)


def _spread(shares: list[float]) -> tuple[float, float] | None:
    """Return the smallest and the largest of several shares, within 0 and 1."""
    return (max(min(shares), 0.0), min(max(shares), 1.0)) if len(shares) > 1 else None
