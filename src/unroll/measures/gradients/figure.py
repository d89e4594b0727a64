"""The norm of the gradient over the updates: its median, and a band that no update leaves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.style import Drawing, Look, log_ticks, looks, styled, whole_ticks
from unroll.wording import number

POINTS = 120
SMALLEST = 1e-20
"""Norms below it, zero among them, are drawn here: a logarithmic axis has no zero."""


def points(source: Source) -> pd.DataFrame:
    """Return one row per trial and stretch of updates.

    The columns of ``panels.begun``; seed, first, last (the updates of the stretch, from 1), value (the median
    norm), low, high (its minimum and maximum: no update is left out of them).
    """
    trials = panels.begun(source.trials(), source.factors, source.models, source.told.words)
    points = source.thinned("grad_norm", POINTS, trials["key"].tolist())
    points = points[["key", "seed", "first", "last", "value", "low", "high"]]
    return trials.merge(points, on="key")


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: a panel per length; bands from the smallest to the largest norm, lines for medians."""
    with styled():
        figure, parts = panels.grid(table, height=1.35, single=3.1)
        look = looks(table["series"])
        for axes, rows in parts:
            for series, mine in rows.groupby("series", sort=False, observed=True):
                _draw(axes, mine, look[str(series)])
            panels.rules(axes)
        values = table[["low", "high"]].to_numpy().ravel()
        values = np.maximum(values[np.isfinite(values)], SMALLEST)
        parts[0][0].set_yscale("log")
        parts[0][0].set_ylim(values.min() / 1.5, values.max() * 1.5)
        log_ticks(parts[0][0].yaxis, most=5)
        parts[0][0].set_xlim(0, table["last"].max() * 1.02)
        whole_ticks(parts[0][0].xaxis)
        panels.name_axes(figure, table, "update", "norm of the gradient, before clipping")
        panels.legend(figure, [panels.key(one, name, marker="") for name, one in look.items()])
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, series), rows in table.groupby(["panel", "series"], sort=False, observed=True):
        low, high = number(rows["low"].min()), number(rows["high"].max())
        parts.append(
            f"{series}{f' ({panel})' if panel else ''} {low} to {high}, median {number(rows['value'].median())}"
        )
    return f"Norm of the gradient over {int(table['last'].max()):,} updates, logarithmic. {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    longest = int((table["last"] - table["first"]).max()) + 1
    over = f" in stretches of {longest:,} updates" if longest > 1 else ""
    failed = " × marks where a trial failed." if (table["state"] == "failed").any() else ""
    return f"Bands reach from the smallest to the largest norm of any update and seed{over}; lines are medians.{failed}"


def _draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    for _, mine in rows[rows["state"] == "failed"].groupby("key", sort=False):
        line = mine["high"].clip(lower=SMALLEST)
        axes.plot(mine["last"], line, color=look.colour, linewidth=0.6)
        axes.plot(mine["last"].iloc[-1], line.iloc[-1], "x", color=look.colour, markersize=4, zorder=4)
    complete = rows[rows["state"] != "failed"].groupby(["first", "last"], as_index=False)
    band = complete.agg(low=("low", "min"), high=("high", "max"), value=("value", "median"))
    middle = (band["first"] + band["last"]) / 2
    floor = band[["low", "high", "value"]].clip(lower=SMALLEST)
    axes.fill_between(middle, floor["low"], floor["high"], color=look.colour, alpha=0.18, linewidth=0, zorder=1)
    axes.plot(middle, floor["value"], color=look.colour, linestyle=look.line, linewidth=1.1, zorder=2)
