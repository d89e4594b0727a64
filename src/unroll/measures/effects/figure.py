"""Effects of settings: what each level does to the score, against the first."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.analysis.comparison import SIGNIFICANT
from unroll.analysis.effects import DESIGN
from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.style import COLOURS, PAPER, SOFT, Drawing, log_ticks, new, styled
from unroll.wording import capital, level, listed, loss_words, number, powers

LONGEST_LEVEL = 20
ROW = 0.24
"""Inches of a level."""


def points(source: Source) -> pd.DataFrame:
    """Return one row per level of a setting, its first level included.

    panel (the setting), level, effect, low, high (the ratio to the first level's score; 1 for the first), settings
    (list: the ratio under each combination of the other factors), separated (by the seeds), n, first (whether it is the
    first level), score_words.
    """
    effects = source.effects()
    effects = effects[~effects["factor"].isin(DESIGN) & (effects["n"] > 0)]
    rows = []
    for factor, of_factor in effects.groupby("factor", sort=False):
        records = panels.records(of_factor)
        levels = [level(str(factor), records[0]["first"]), *(level(str(factor), row["level"]) for row in records)]
        if len(set(levels)) < len(levels):  # two levels are spelled alike
            levels = [repr(level) for level in (records[0]["first"], *(row["level"] for row in records))]
        shown = panels.one_line(levels, LONGEST_LEVEL)
        base = {"panel": str(factor), "score_words": records[0]["score_words"]}
        nothing = {"effect": 1.0, "low": np.nan, "high": np.nan, "settings": [], "separated": False}
        rows.append({**base, **nothing, "level": shown[0], "n": 0, "first": True})
        for text, row in zip(shown[1:], records, strict=True):
            seen = {name: row[name] for name in ("effect", "low", "high", "n")}
            separated = row["p_family"] <= SIGNIFICANT
            each = row["setting_effects"] if row["settings"] > 1 else []
            rows.append({**base, **seen, "settings": each, "separated": separated, "level": text, "first": False})
    columns = ["panel", "level", "effect", "low", "high", "settings", "separated", "n", "first", "score_words"]
    return pd.DataFrame(rows, columns=columns)


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: a panel per setting, a row per level; the dot is the median, the line its exact interval.

    Filled where the seeds separate a level from the first. Small marks are the other settings one by one.
    """
    with styled():
        parts = panels.by_panel(table)
        titles = panels.above([title for title, _ in parts])
        heights = [
            ROW * len(rows) + 0.28 + panels.further_lines(title) for title, (_, rows) in zip(titles, parts, strict=True)
        ]
        figure = new(sum(heights) + 0.5)
        axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
        low, high = _limits(table)
        for title, (_, rows), one in zip(titles, parts, axes, strict=True):
            one.set_xscale("log")
            one.set_xlim(low, high)
            _draw(one, rows, low, high)
            one.set_title(title)
        log_ticks(axes[-1].xaxis)
        left = panels.total(table) - len(parts)
        note = f"\n{len(parts)} of {panels.total(table)} settings are shown." if left else ""
        axes[-1].set_xlabel(f"{loss_words(table['score_words'])}, divided by the first level's{note}")
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for panel, rows in table.groupby("panel", sort=False):
        others = [row for row in panels.records(rows) if not row["first"]]
        each = [f"{row['level']} times {_ratio(row['effect'])}{_interval(row)}" for row in others]
        parts.append(f"{panel}, against {rows['level'].iloc[0]}: {listed(each)}")
    return f"{capital(loss_words(table['score_words']))} of each level, divided by the first's. {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    others = table[~table["first"]]
    line = " Lines: exact 95 % intervals." if others["low"].notna().any() else ""
    marks = " Small marks: under each combination of the other factors." if others["settings"].map(len).any() else ""
    return (
        "Each level's score divided by the first level's, within a seed over all combinations that both have; the dot "
        f"is the median of the seeds, filled where they separate the two, corrected for all settings.{line}{marks}"
    )


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    values = [*table["effect"], *table["low"], *table["high"], *(one for each in table["settings"] for one in each)]
    finite = [value for value in values if 0 < value < np.inf]
    low, high = min(finite), max(finite)
    return low / 1.3, high * 1.3


def _draw(axes: Axes, rows: pd.DataFrame, low: float, high: float) -> None:
    axes.axvline(1.0, color=SOFT, linewidth=0.8, zorder=1)
    for place, row in enumerate(panels.records(rows)):
        colour = SOFT if row["first"] else COLOURS[0]
        ends = np.clip([row["low"], row["high"]], low, high)
        if row["low"] == row["low"]:
            axes.plot(ends, [place, place], color=colour, linewidth=1.4, zorder=2)
        each = np.clip(np.asarray(row["settings"], dtype=np.float64), low, high)
        axes.plot(each, np.full(len(each), place + 0.28), "|", color=SOFT, markersize=4, markeredgewidth=0.8, zorder=2)
        face = colour if row["separated"] or row["first"] else PAPER
        middle = float(np.clip(row["effect"], low, high))
        marker = "o" if 0 < row["effect"] < np.inf else "<" if row["effect"] == 0 else ">"
        axes.plot([middle], [place], marker, color=colour, markerfacecolor=face, markersize=5, zorder=3, clip_on=False)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [powers(level) for level in rows["level"]])
    axes.tick_params(axis="y", length=0)


def _interval(row: dict[str, object]) -> str:
    return f" ({_ratio(row['low'])} to {_ratio(row['high'])})" if row["low"] == row["low"] else ""


def _ratio(value: object) -> str:
    return "unbounded" if value in (0, np.inf) else number(value, 2)
