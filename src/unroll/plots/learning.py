"""Learning curves: the loss by epoch, every seed and the median over the seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.plots import panels
from unroll.plots.lengths import SMALLEST
from unroll.plots.panels import BASELINE, SOLVED
from unroll.plots.source import Source
from unroll.plots.style import Drawing, Look, log_ticks, looks, styled
from unroll.wording import number

NEEDS = "a trial that has trained for an epoch"
POINTS = 200
"""The most points of a curve in a figure; longer ones keep the smallest and largest value of each stretch."""
WHICH = {"validation_loss": "validation MSE", "train_loss": "training MSE"}


def table(source: Source) -> pd.DataFrame:
    """Return one row a trial and point of its curve: the validation loss, or the training loss where none was measured.

    The columns of ``panels.begun``; seed, first, last (the epochs that a point stands for), value (their median), low,
    high, loss ("validation MSE" or "training MSE").
    """
    trials = panels.begun(source)
    for name, loss in WHICH.items():
        points = source.thinned(name, POINTS, trials["key"].tolist())
        if len(points):
            points = points[["key", "seed", "first", "last", "value", "low", "high"]]
            return trials.merge(points, on="key").assign(loss=loss)
    return pd.DataFrame()


def learning(table: pd.DataFrame) -> Drawing:
    """Draw the table: a panel a length; thin lines are seeds, thick ones their median; × is where a trial failed."""
    with styled():
        figure, parts = panels.grid(table, height=1.35, single=3.1)
        look = looks(table["series"])
        for axes, rows in parts:
            for name, dashes in (("baseline", BASELINE), ("solved_below", SOLVED)):
                panels.reference(axes, rows.groupby("length")[name].first(), dashes)
            for series, mine in rows.groupby("series", sort=False, observed=True):
                _draw(axes, mine, look[str(series)])
            panels.rules(axes)
        values = table[["value", "baseline", "solved_below"]].to_numpy().ravel()
        values = np.maximum(values[np.isfinite(values)], SMALLEST)
        parts[0][0].set_yscale("log")
        parts[0][0].set_ylim(values.min() / 1.5, values.max() * 1.5)
        log_ticks(parts[0][0].yaxis, most=5)
        parts[0][0].set_xlim(0, table["last"].max() * 1.02)
        panels.name_axes(figure, table, "epoch", str(table["loss"].iloc[0]))
        keys = [panels.key(one, name, marker="") for name, one in look.items()]
        panels.legend(figure, [*keys, *panels.references(table)])
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    loss = str(table["loss"].iloc[0])
    parts = []
    for (panel, series), rows in table.groupby(["panel", "series"], sort=False, observed=True):
        ends = rows.sort_values("last").groupby("key")["value"].last()
        parts.append(f"{series}{f' ({panel})' if panel else ''} {number(ends.median())}")
    epochs = f"{int(table['last'].max()):,} epochs"
    return (
        f"Learning curves: {loss}, logarithmic, over {epochs}. Where they end, median over seeds: {panels.some(parts)}."
    )


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    failed = table.loc[table["state"] == "failed", "key"].nunique()
    ends = " × marks where a trial failed." if failed else ""
    return f"Thin lines: each seed. Thick: the median over seeds, of the {table['loss'].iloc[0]}.{ends}"


def _draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    for _, mine in rows.groupby("key", sort=False):
        line = mine["value"].clip(lower=SMALLEST)
        axes.plot(mine["last"], line, color=look.colour, linewidth=0.6, alpha=0.45, zorder=2)
        if (mine["last"] > mine["first"]).any():  # points that stand for several epochs: their range is shown as well
            low, high = mine["low"].clip(lower=SMALLEST), mine["high"].clip(lower=SMALLEST)
            axes.fill_between(mine["last"], low, high, color=look.colour, alpha=0.12, linewidth=0, zorder=1)
        if mine["state"].iloc[0] == "failed":
            axes.plot(mine["last"].iloc[-1], line.iloc[-1], "x", color=look.colour, markersize=4, zorder=4)
    medians = rows[rows["state"] != "failed"].groupby("last")["value"].median().clip(lower=SMALLEST)
    axes.plot(medians.index, medians, color=look.colour, linestyle=look.line, linewidth=1.4, zorder=3)
