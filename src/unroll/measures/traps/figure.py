"""Traps: the free-running error with each of the source notebook's traps turned off."""

from __future__ import annotations

from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.analysis.nearness import CLOSE
from unroll.measures.source import Source
from unroll.measures.traps.table import TRAPS
from unroll.plots import panels
from unroll.plots.style import INK, MAP, PAPER, SOFT, Drawing, log_ticks, new, styled
from unroll.wording import labels, listed, number, powers

SMALLEST, LARGEST = 1e-6, 1e6
"""Errors outside are drawn at these bounds: a logarithmic axis has no zero, and no end."""
LABEL = 26
"""Letters of a line of a row's name: beside longer ones there is no room for the dots."""


def points(source: Source) -> pd.DataFrame:
    """Return one row per condition.

    panel (title), series (which traps are off), errors (list: each seed's relative error at step 8), value (their
    median), worth (the error with every trap on, divided by this one; NaN where that is unknown).
    """
    found = source.measure("traps")
    if found.empty or found["off"].map(tuple).nunique() < 2:
        return pd.DataFrame()
    names = [name for name in source.factors if name in found and (name not in TRAPS or found[name].nunique() > 2)]
    several = found["model"].nunique() > 1
    titles = panels.titles(found, names, words=source.told.words, by_length=panels.by_length(found))
    shown = labels(dict.fromkeys(found["model"]))
    with_model = [
        f"{shown[model]}{' · ' if title else ''}{title}" for model, title in zip(found["model"], titles, strict=True)
    ]
    return pd.DataFrame(
        {
            "panel": with_model if several else titles,
            "series": [_words(off) for off in found["off"]],
            "errors": found["relative_error_8"],
            "value": found["relative_error"].astype("float64"),
            "worth": found["worth"].astype("float64"),
        }
    )


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: a row per condition, every seed a dot, the median a bar, and what it was worth."""
    with styled():
        parts = panels.by_panel(table)
        titles = panels.above([title for title, _ in parts])
        heights = [(0.31 if rows["series"].map(len).max() > LABEL else 0.25) * len(rows) + 0.3 for _, rows in parts]
        heights = [height + panels.further_lines(title) for height, title in zip(heights, titles, strict=True)]
        figure = new(sum(heights) + 0.5)
        axes = figure.subplots(len(parts), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        values = np.array([error for errors in table["errors"] for error in errors] + [CLOSE])
        values = np.clip(values[np.isfinite(values)], SMALLEST, LARGEST)
        axes[0].set_xscale("log")
        axes[0].set_xlim(values.min() / 1.6, values.max() * 1.6)
        for title, (_, rows), one in zip(titles, parts, axes, strict=True):
            _draw(one, rows)
            one.set_title(title)
        log_ticks(axes[-1].xaxis, most=4)
        axes[-1].set_xlabel("relative error at step 8 (dotted: 1 %)")
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for row in panels.records(table):
        worth = f" (with every trap on {row['worth']:.3g} times as much)" if _differs(row["worth"]) else ""
        parts.append(f"{row['series']}{_in(row['panel'])} {number(row['value'])}{worth}")
    return f"Relative error at step 8, medians over seeds: {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    return "Dots are seeds, bars medians. On the right: the notebook's error, with every trap on, divided by this one."


def _in(panel: str) -> str:
    return f" ({panel})" if panel else ""


def _differs(worth: float) -> bool:
    return bool(np.isfinite(worth)) and worth != 1


def _words(off: list[str]) -> str:
    if len(off) == len(TRAPS):
        return "every trap off"
    return f"without {listed(off)}" if off else "every trap on, as in the notebook"


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    for place, row in enumerate(panels.records(rows)):
        errors = np.clip(np.array(row["errors"], dtype=float), SMALLEST, LARGEST)
        axes.plot(
            errors, [place] * len(errors), "o", color=MAP, markersize=4, markeredgecolor=PAPER, markeredgewidth=0.4,
            alpha=0.85,
        )  # fmt: skip
        if np.isfinite(row["value"]):
            axes.plot(
                min(max(row["value"], SMALLEST), LARGEST), place, "|", color=INK, markersize=11, markeredgewidth=1.3
            )
        said = powers(f"× {row['worth']:.3g}") if _differs(row["worth"]) else "" if len(errors) else "no trial"
        axes.annotate(
            said, (1.0, place), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
            va="center", color=SOFT,
        )  # fmt: skip
    axes.axvline(CLOSE, color=SOFT, linewidth=1.0, linestyle=panels.SOLVED, zorder=0)
    axes.set_yticks(range(len(rows)), [fill(series, LABEL) for series in rows["series"]], linespacing=0.95)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
