"""Seconds an epoch against length, with the exponent of its growth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.analysis import growth
from unroll.analysis import timing as timing_by_length
from unroll.analysis.settings import known
from unroll.measures.source import Source
from unroll.plots import panels
from unroll.plots.style import PAPER, Drawing, Look, length_ticks, log_ticks, looks, styled
from unroll.wording import number, superscript


def points(source: Source) -> pd.DataFrame:
    """Return one row per complete trial.

    panel (title), series (model), length (steps), seconds (an epoch's, median over the epochs), exponent,
    exponent_error, scale (the line ``scale * length ** exponent`` through the medians; NaN with fewer than three
    lengths).
    """
    factors = source.factors
    times = timing_by_length(source.trials(), factors)
    if times.empty:
        return pd.DataFrame()
    same = ["task", "model", *factors]
    fits = {known(fit[name] for name in same): fit for fit in growth(times, factors).to_dict("records")}
    rows = times.explode("each_seed", ignore_index=True)
    fitted = [fits[known(values)] for values in zip(*(rows[name] for name in same), strict=True)]
    return pd.DataFrame(
        {
            "panel": panels.titles(rows, factors, words=source.told.words),
            "series": panels.series(rows["model"], source.models),
            "length": rows["length"],
            "seconds": rows["each_seed"].astype("float64"),
            **{name: [fit[name] for fit in fitted] for name in ("exponent", "exponent_error", "scale")},
        }
    )


def draw(table: pd.DataFrame) -> Drawing:
    """Draw the table, both axes logarithmic: every trial a dot, a line for each fit."""
    with styled():
        figure, parts = panels.grid(table, height=1.9, single=2.7)
        look = looks(table["series"])
        for axes, rows in parts:
            for series, mine in rows.groupby("series", sort=False, observed=True):
                _draw(axes, mine, look[str(series)])
            panels.rules(axes)
        first = parts[0][0]
        first.set_yscale("log")
        first.set_ylim(table["seconds"].min() / 1.5, table["seconds"].max() * 1.5)
        log_ticks(first.yaxis)
        first.set_xlim(table["length"].min() / 1.15, table["length"].max() * 1.15)
        length_ticks(first, table["length"].tolist(), most=9 if len(parts) == 1 else 5)
        panels.name_axes(figure, table, "sequence length T, steps", "seconds an epoch")
        if len(parts) == 1:
            panels.label_ends(first, _ends(table, look))
        else:
            panels.legend(figure, [panels.key(one, name) for name, one in look.items()])
    return figure


def describe(table: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, series), rows in table.groupby(["panel", "series"], sort=False, observed=True):
        last = rows[rows["length"] == rows["length"].max()]
        seconds = f"{number(last['seconds'].median(), 2)} s at T = {last['length'].iloc[0]:,}"
        text = f"{series}{f' ({panel})' if panel else ''} {seconds}"
        parts.append(
            text
            + (
                f", growing as T to the power of {rows['exponent'].iloc[0]:.2f}"
                if np.isfinite(rows["exponent"].iloc[0])
                else ""
            )
        )
    return f"Seconds an epoch of training against sequence length, both logarithmic. {panels.some(parts)}."


def caption(table: pd.DataFrame) -> str:
    """Return how to read the figure."""
    fitted = np.isfinite(table["exponent"]).any()
    said = (
        "Lines: least squares through the medians, on logarithms, with the exponent; the table has its standard error."
    )
    return f"Every dot is one trial. {said if fitted else 'Fewer than three lengths: no exponent is fitted.'}"


def _draw(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    lengths = np.array([rows["length"].min(), rows["length"].max()])
    exponent, scale = rows["exponent"].iloc[0], rows["scale"].iloc[0]
    if np.isfinite(exponent):
        axes.plot(lengths, scale * lengths**exponent, color=look.colour, linestyle=look.line, linewidth=1.2, zorder=2)
    axes.plot(
        rows["length"], rows["seconds"], linestyle="none", marker=look.marker, markersize=4.2, color=look.colour,
        markeredgecolor=PAPER, markeredgewidth=0.4, alpha=0.9, zorder=3,
    )  # fmt: skip


def _ends(table: pd.DataFrame, look: dict[str, Look]) -> list[tuple[float, str, Look]]:
    ends = []
    for series, style in look.items():
        rows = table[table["series"] == series]
        last = float(rows.loc[rows["length"] == rows["length"].max(), "seconds"].median())
        text = f"{series}: {_power(rows)}" if np.isfinite(rows["exponent"].iloc[0]) else series
        ends.append((last, text, style))
    return ends


def _power(rows: pd.DataFrame) -> str:
    exponent = f"{rows['exponent'].iloc[0]:.2f}"
    return f"T{superscript(exponent)}"
