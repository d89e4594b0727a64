"""Learning curves: the loss by epoch, every seed and the median over the seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.measures.lengths.figure import SMALLEST
from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.style import Drawing, Look, log_ticks, looks, styled, whole_ticks
from unroll.wording import loss_words, number

POINTS = 200
"""The most points of a curve in a figure; longer ones keep the smallest and largest value of each stretch."""
WHICH = {"validation_loss": "validation", "train_loss": "training"}
"""The histories that are drawn, by the splits that they are of."""


_THIN = "Thin lines: each seed. Thick"


def points(source: Source) -> pd.DataFrame:
    """Return one row per trial and point of its curve: the validation loss, or without one the training loss.

    The columns of ``panels.begun``; seed, first, last (the epochs that a point stands for), value (their median), low,
    high, loss ("validation MSE" or "training MSE").
    """
    trials = panels.begun(source.trials(), source.factors, source.models, source.told.words)
    found: list[pd.DataFrame] = []
    left = trials["key"].tolist()
    for name in WHICH:
        points = source.thinned(name, POINTS, left)[["key", "seed", "first", "last", "value", "low", "high"]]
        left = [key for key in left if key not in set(points["key"])]
        if len(points):
            found.append(points.assign(history=name))
    if not found:
        return pd.DataFrame()
    table = trials.merge(pd.concat(found, ignore_index=True), on="key")
    losses = table["score_words"].map(lambda words: words.removeprefix("test "))
    return table.assign(loss=table["history"].map(WHICH) + " " + losses)


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: a panel per length; thin lines are seeds, thick ones their median; × is where a trial failed.

    Where a panel has more than ``panels.MOST_LINES`` trials, a band from the smallest to the largest takes the place of
    the thin lines.
    """
    with styled():
        figure, parts = panels.grid(table, height=1.35, single=3.1)
        look, banded = looks(table["series"]), panels.many_lines(table)
        for axes, rows in parts:
            panels.reference_lines(axes, rows)
            for series, mine in rows.groupby("series", sort=False, observed=True):
                _draw(axes, mine, look[str(series)], banded=banded)
            panels.rules(axes)
        values = table[["value", "baseline", "second_loss", "solved_below"]].to_numpy().ravel()
        values = np.maximum(values[np.isfinite(values)], SMALLEST)
        parts[0][0].set_yscale("log")
        parts[0][0].set_ylim(values.min() / 1.5, values.max() * 1.5)
        log_ticks(parts[0][0].yaxis, most=5)
        parts[0][0].set_xlim(0, table["last"].max() * 1.02)
        whole_ticks(parts[0][0].xaxis)
        panels.name_axes(figure, table, "epoch", _loss(table))
        keys = [panels.key(one, name, marker="") for name, one in look.items()]
        panels.legend(figure, [*keys, *panels.references(table)])
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, series), rows in table.groupby(["panel", "series"], sort=False, observed=True):
        last = rows.sort_values("last").groupby("key")["value"].last()
        parts.append(f"{series}{f' ({panel})' if panel else ''} {number(last.median())}")
    epochs = f"{int(table['last'].max()):,} epochs"
    ends = f"Where they end, median over seeds: {panels.some(parts)}."
    return f"Learning curves: {_loss(table)}, logarithmic, over {epochs}. {ends}"


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    failed = table.loc[table["state"] == "failed", "key"].nunique()
    ends = " × marks where a trial failed." if failed else ""
    lengths = table[table["state"] != "failed"].groupby(["panel", "series", "key"], observed=True)["last"].max()
    if (lengths.groupby(["panel", "series"], observed=True).nunique() > 1).any():  # early stopping, or still training
        ends += " Where a seed has ended, the median is over those that go on."
    seeds = "Bands: from the smallest to the largest of the seeds. Lines" if panels.many_lines(table) else _THIN
    return f"{seeds}: the median over seeds, of the {_loss(table)}.{panels.second_words(table)}{ends}"


def _loss(table: pd.DataFrame) -> str:
    """Return which loss is drawn: of trials without a validation split that of training."""
    drawn = {str(name): loss_words(rows["loss"]) for name, rows in table.groupby("history")}
    losses = {name: f"{WHICH[name]} loss" if loss == "test loss" else loss for name, loss in drawn.items()}
    return " or, without a validation split, ".join(losses[name] for name in WHICH if name in losses)


def _draw(axes: Axes, rows: pd.DataFrame, look: Look, *, banded: bool) -> None:
    if banded:
        going = rows[rows["state"] != "failed"].groupby("last")
        low, high = going["low"].min().clip(lower=SMALLEST), going["high"].max().clip(lower=SMALLEST)
        axes.fill_between(low.index, low, high, color=look.colour, alpha=0.15, linewidth=0, zorder=1)
    for _, mine in rows.groupby("key", sort=False):
        line = mine["value"].clip(lower=SMALLEST)
        if banded and mine["state"].iloc[0] != "failed":
            continue
        axes.plot(mine["last"], line, color=look.colour, linewidth=0.6, alpha=0.45, zorder=2)
        if (mine["last"] > mine["first"]).any():  # points that stand for several epochs: their range is shown as well
            low, high = mine["low"].clip(lower=SMALLEST), mine["high"].clip(lower=SMALLEST)
            axes.fill_between(mine["last"], low, high, color=look.colour, alpha=0.12, linewidth=0, zorder=1)
        if mine["state"].iloc[0] == "failed":
            axes.plot(mine["last"].iloc[-1], line.iloc[-1], "x", color=look.colour, markersize=4, zorder=4)
    medians = rows[rows["state"] != "failed"].groupby("last")["value"].median().clip(lower=SMALLEST)
    axes.plot(medians.index, medians, color=look.colour, linestyle=look.line, linewidth=1.4, zorder=3)
