"""Accuracy, or loss, against the length of the test: every seed a dot, a line through the medians, and chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.measures.beyond.table import SHARES
from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.panels import BASELINE, SOLVED
from unroll.plots.style import FAINT, PAPER, SOFT, Drawing, Look, length_ticks, looks, styled
from unroll.wording import number, percent


def points(source: Source) -> pd.DataFrame:
    """Return one row per condition and tested length: panel (title), series (model), and the columns of the table."""
    found = source.measure("beyond")
    if found.empty:
        return found
    titles = panels.titles(found, source.factors, by_length=panels.by_length(found), words=source.told.words)
    series = panels.series(found["model"], source.models)
    return found.assign(panel=titles, series=series)


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table: a panel per task, trained length and setting; where the training was, a vertical line."""
    with styled():
        figure, parts = panels.grid(table, height=1.7, single=3.0, share=False)
        look = looks(table["series"])
        several = table["words"].nunique() > 1
        for axes, rows in parts:
            _draw(axes, rows, look)
            panels.rules(axes)
            if several:
                axes.set_ylabel(rows["words"].iloc[0])
        words = "" if several else str(table["words"].iloc[0])
        panels.name_axes(figure, table, "length of the test, steps", words)
        keys = [panels.key(one, name) for name, one in look.items()]
        grey = Look(SOFT, "", "-")
        if table["reference"].notna().any():
            share = set(table["words"]) <= set(SHARES)
            keys.append(panels.key(grey, "chance" if share else "baseline", linestyle=BASELINE))
        keys.append(panels.key(grey, "trained up to here", linestyle=SOLVED))
        panels.legend(figure, keys)
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, series), rows in table.groupby(["panel", "series"], sort=False, observed=True):
        first, last = rows.iloc[0], rows.iloc[-1]
        said = f"{_amount(first, 'value')} at T = {first['tested']:,}"
        if len(rows) > 1:
            said += f" to {_amount(last, 'value')} at T = {last['tested']:,}"
        against = f", where {_name(last)} is {_amount(last, 'reference')}" if pd.notna(last["reference"]) else ""
        parts.append(f"{series}{f' ({panel})' if panel else ''} from {said}{against}")
    return f"What trained networks come to at other lengths. Medians over seeds: {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    dashed = " Dashed: the best answer that sees nothing." if table["reference"].notna().any() else ""
    return (
        "Every dot is one trained network, tested at lengths that it was not trained on; lines join the medians. The "
        f"vertical line is the trained length.{dashed}"
    )


def _draw(axes: Axes, rows: pd.DataFrame, look: dict[str, Look]) -> None:
    share = rows["words"].iloc[0] in SHARES
    references = rows[rows["reference"].notna()].groupby("tested")["reference"].first().astype("float64")
    if len(references):
        axes.plot(references.index, references, color=SOFT, linewidth=1.0, linestyle=BASELINE, zorder=1)
    for length in sorted(set(rows["length"])):
        axes.axvline(length, color=SOFT, linewidth=0.9, linestyle=SOLVED, zorder=1)
    for series, mine in rows.groupby("series", sort=False, observed=True):
        style = look[str(series)]
        mine = mine.sort_values("tested")
        axes.plot(mine["tested"], mine["value"], color=style.colour, linestyle=style.line, linewidth=1.4, zorder=2)
        lengths = np.repeat(mine["tested"].to_numpy(), [len(each) for each in mine["each_seed"]])
        values = [value for each in mine["each_seed"] for value in each]
        axes.plot(
            lengths, values, linestyle="none", marker=style.marker, markersize=4.0, color=style.colour,
            markeredgecolor=PAPER, markeredgewidth=0.4, alpha=0.9, zorder=3,
        )  # fmt: skip
    if share:
        axes.set_ylim(-0.03, 1.03)
        axes.axhline(1.0, color=FAINT, linewidth=0.5, zorder=0)
    else:
        axes.set_yscale("log")
    length_ticks(axes, [*rows["tested"].tolist(), *rows["length"].tolist()], most=5)


def _name(row: pd.Series[Any]) -> str:
    return "chance" if row["words"] in SHARES else "the baseline"


def _amount(row: pd.Series[Any], name: str) -> str:
    value = row[name]
    return percent(value) if row["words"] in SHARES else number(value)
