"""Sequences that models continue, step by step, against the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from unroll.plots import panels
from unroll.plots.style import INK, PAPER, Drawing, Look, looks, plain, styled
from unroll.wording import number

EVERY = 120
"""Panels of a figure that is a file of its own."""
WIDE = 100.0
"""Where the truth grows by more than this factor, the axis is logarithmic from about its smallest value on."""


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table; without columns panel and key, it is one panel, and each series one trial."""
    table = table.assign(panel=table.get("panel", ""), key=table.get("key", table["series"]))
    with styled():
        figure, parts = panels.grid(table, height=1.55, single=2.7, share=False, most=EVERY)
        look, banded = looks(table["series"]), panels.many_lines(table)
        for axes, rows in parts:
            _draw(axes, rows, look, banded=banded)
            panels.rules(axes)
        panels.name_axes(figure, table, "step after the prompt", "value")
        truth = panels.key(Look(INK, "_", "none"), "truth", markersize=10, markeredgewidth=1.2)
        keys = [panels.key(one, name) for name, one in look.items()]
        panels.legend(figure, [*([truth] if table["truth"].notna().any() else []), *keys])
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    table = table.assign(panel=table.get("panel", ""), key=table.get("key", table["series"]))
    last = table[table["step"] == table["step"].max()]
    parts = []
    for (panel, series), rows in last.groupby(["panel", "series"], sort=False, observed=True):
        against = rows["truth"].median()
        truth = f" (truth {number(against, 4)})" if np.isfinite(against) else ""
        parts.append(f"{series}{f' ({panel})' if panel else ''} {number(rows['value'].median(), 4)}{truth}")
    return f"Continuations of the prompt. At step {int(table['step'].max())}: {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    many = table.groupby(["panel", "series"], observed=True)["key"].nunique().max() > 1
    banded = panels.many_lines(table)
    lines = "one line for each seed" if many else "one line for each model"
    if banded:
        lines = "lines: the median over seeds; bands: from the smallest to the largest value of a seed"
    goes = "Each model goes on from the prompt by itself, fed its own predictions"
    return f"{goes}; {lines}. Dashes: the rule's own values."


def _draw(axes: Axes, rows: pd.DataFrame, look: dict[str, Look], *, banded: bool) -> None:
    truth = rows.groupby("step")["truth"].first().dropna()
    axes.plot(truth.index, truth, "_", color=INK, markersize=10, markeredgewidth=1.2, zorder=4)
    for series, mine in rows.groupby("series", sort=False, observed=True):
        style = look[str(series)]
        if banded:
            steps = mine.assign(value=mine["value"].where(np.isfinite(mine["value"]))).groupby("step")["value"]
            axes.fill_between(
                steps.min().index, steps.min(), steps.max(), color=style.colour, alpha=0.15, linewidth=0, zorder=1
            )
            lines = [steps.median().reset_index()]
        else:
            lines = [line for _, line in mine.groupby("key", sort=False)]
        for line in lines:
            axes.plot(
                line["step"], line["value"].where(np.isfinite(line["value"])), color=style.colour, linestyle=style.line,
                marker=style.marker, markersize=3.4, markeredgecolor=PAPER, markeredgewidth=0.3, linewidth=0.9,
                alpha=0.85,
            )  # fmt: skip
    if len(truth) and truth.min() > 0 and truth.max() > WIDE * truth.min():
        bend = 10.0 ** np.ceil(np.log10(truth.min()))
        axes.set_yscale("symlog", linthresh=bend)
        top = max(np.log10(truth.max() / bend), 1.0)
        powers = bend * 10.0 ** np.arange(0, top + 1, np.ceil(top / 4))
        axes.yaxis.set_major_locator(FixedLocator([*(-powers[::-1]), 0.0, *powers]))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(float(f"{value:.9g}"))))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
