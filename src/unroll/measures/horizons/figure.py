"""Relative error by horizon: how far ahead a free-running model holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.analysis.nearness import CLOSE
from unroll.measures.horizons import telling
from unroll.measures.horizons.table import REGIMES, ahead
from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.style import SOFT, Drawing, Look, log_ticks, looks, styled
from unroll.wording import number

SMALLEST = 1e-6
"""Errors below it, zero among them, are drawn here: a logarithmic axis has no zero."""
LARGEST = 1e6
WITHIN = "within"


def points(source: Source) -> pd.DataFrame:
    """Return one row per condition, regime and horizon.

    The columns of ``telling.facts``; title; panel (the title with the regime), series (model), regime, horizon (steps
    ahead), n (trials), value (median relative error), low, high (smallest and largest of the trials).
    """
    found = ahead(source.measure("horizons"), source.factors).reset_index(drop=True)  # a single step is no line
    if found.empty:
        return found
    titles = panels.titles(found, source.factors, words=source.told.words, by_length=panels.by_length(found))
    shown = [REGIMES.get(regime, regime) for regime in found["regime"]]
    return pd.DataFrame(
        {
            **telling.facts(found, source.told.stateless),
            "title": titles,
            "panel": [" · ".join(filter(None, pair)) for pair in zip(titles, shown, strict=True)],
            "series": panels.series(found["model"], source.models),
            "regime": found["regime"],
            "horizon": found["horizon"],
            "n": found["n"],
            "value": found["relative_error"],
            "low": found["relative_error_low"],
            "high": found["relative_error_high"],
        }
    )


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: a panel per task and regime; bands from the smallest to the largest error of any trial."""
    with styled():
        figure, parts = panels.grid(table, height=1.4, single=2.9, most=telling.EVERY)
        look = looks(table["series"])
        for axes, rows in parts:
            axes.axhline(CLOSE, color=SOFT, linewidth=1.0, linestyle=panels.SOLVED, zorder=1)
            for series, mine in rows.groupby("series", sort=False, observed=True):
                _draw(axes, mine, look[str(series)])
            panels.rules(axes)
        values = table["value"].to_numpy("float64")
        values = np.clip(values[np.isfinite(values)], SMALLEST, LARGEST)
        first = parts[0][0]
        first.set_yscale("log")
        first.set_ylim(min([*values, CLOSE]) / 2, max([*values, CLOSE]) * 2)
        log_ticks(first.yaxis, most=5)
        panels.name_axes(figure, table, "steps ahead, fed its own predictions", "relative error")
        one_percent = panels.key(Look(SOFT, "", panels.SOLVED), "1 %", linewidth=1.0)
        panels.legend(figure, [*(panels.key(one, name, marker="") for name, one in look.items()), one_percent])
    return figure


def most_telling(table: pd.DataFrame) -> pd.DataFrame:
    """Return the panels for a page that cannot hold all: parameters of the trained range, where there are many."""
    inside = table[table["regime"] == WITHIN]
    if table["panel"].nunique() <= telling.MOST or inside.empty:
        return telling.telling(table, "horizon", "value")
    return telling.telling(inside.assign(panel=inside["title"]), "horizon", "value", of=table["panel"].nunique())


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, series), rows in table.groupby(["panel", "series"], sort=False, observed=True):
        first, last = panels.records(rows.sort_values("horizon").iloc[[0, -1]])
        said = f"{number(first['value'], 2)} at {first['horizon']} to {number(last['value'], 2)} at {last['horizon']}"
        parts.append(f"{series} ({panel}) {said}")
    return f"Relative error by steps ahead, logarithmic. Medians: {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    return (
        "Lines: median over the trials, each the median over its test sequences; bands: from the best to the worst "
        "trial. Errors below one in a million are drawn there. Same range: parameters of the trained range; "
        "only they are within it, not the steps ahead."
    )


def _draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    for _, line in rows.groupby(rows["horizon"].diff().lt(0).cumsum()):
        band = line[["value", "low", "high"]].clip(SMALLEST, LARGEST)
        axes.fill_between(line["horizon"], band["low"], band["high"], color=look.colour, alpha=0.15, linewidth=0)
        axes.plot(line["horizon"], band["value"], color=look.colour, linestyle=look.line, linewidth=1.3)
