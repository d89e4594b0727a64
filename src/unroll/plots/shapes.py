"""The figure of whatever has none of its own: a number per trial, a curve along one axis, a map over two.

Points have one row per number: panel (title), series (model), key (trial), value, label (what the value is, with its
unit), scale ("linear" or "log"); of a curve x, of a map also y, with x_label and y_label, and x_places and y_places,
how many places there are, of which some may be left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from unroll.plots import panels
from unroll.plots.style import INK, PAPER, Drawing, Look, log_ticks, looks, new, styled
from unroll.wording import MISSING, capital, coordinate, number

ROW = 0.26
"""Inches of a row of dots."""
CELL = 0.33
LARGEST = 1e300


def draw(points: pd.DataFrame) -> Drawing:
    """Draw points by their shape."""
    with styled():
        return _map(points) if "y" in points else _curves(points) if "x" in points else _numbers(points)


def describe(points: pd.DataFrame) -> str:
    """Return what the figure shows, for readers who do not see it."""
    parts = []
    for (panel, series), rows in points.groupby(["panel", "series"], sort=False, observed=True):
        where = f"{series}{f' ({panel})' if panel else ''}"
        if "x" in points and "y" not in points:
            medians = rows.groupby("x", observed=True)["value"].median()
            first, last = map(coordinate, (medians.index[0], medians.index[-1]))
            parts.append(f"{where} {number(medians.iloc[0])} at {first} to {number(medians.iloc[-1])} at {last}")
        else:
            spread = f" ({number(rows['value'].min())} to {number(rows['value'].max())})" if len(rows) > 1 else ""
            parts.append(f"{where} {number(rows['value'].median())}{spread}")
    return f"{capital(points['label'].iloc[0])}, medians over seeds: {panels.some(parts)}."


def caption(points: pd.DataFrame) -> str:
    """Return how to read the figure, and how many places on its axes are drawn where not all are."""
    return _how(points) + "".join(_left_out(points, axis) for axis in ("x", "y") if axis in points)


def _left_out(points: pd.DataFrame, axis: str) -> str:
    drawn, there = points[axis].nunique(), int(points[f"{axis}_places"].iloc[0])
    return f" {drawn:,} of {there:,} places along {points[f'{axis}_label'].iloc[0]} are drawn." if drawn < there else ""


def _how(points: pd.DataFrame) -> str:
    if "y" in points:
        return "Numbers: medians over seeds, below them from the smallest to the largest."
    if "x" not in points:
        return "Dots are seeds, bars medians."
    if panels.many_lines(points):
        return "Lines: the median over seeds; bands: from the smallest to the largest of the seeds."
    return "Thin lines: each seed; bands: from the smallest to the largest. Thick lines: the median over seeds."


def _numbers(points: pd.DataFrame) -> Drawing:
    rows = list(points.groupby(["panel", "series"], sort=False, observed=True))
    names = panels.one_line([" · ".join(filter(None, map(str, names))) for names, _ in rows], 44)
    figure = new(ROW * len(rows) + 0.6)
    axes = figure.subplots()
    look = looks(points["series"])
    for place, ((_, series), mine) in enumerate(rows):
        values = mine["value"].clip(-LARGEST, LARGEST)
        axes.plot(
            values, [place] * len(values), "o", color=look[str(series)].colour, markersize=4, markeredgecolor=PAPER,
            markeredgewidth=0.4, alpha=0.85,
        )  # fmt: skip
        axes.plot(values.median(), place, "|", color=INK, markersize=11, markeredgewidth=1.3)
    if points["scale"].iloc[0] == "log" and (points["value"] > 0).all():
        axes.set_xscale("log")
        log_ticks(axes.xaxis)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(points["label"].iloc[0])
    return figure


def _curves(points: pd.DataFrame) -> Drawing:
    figure, parts = panels.grid(points, height=1.45, single=2.9)
    look, banded = looks(points["series"]), panels.many_lines(points)
    texts = list(points["x"].cat.categories) if isinstance(points["x"].dtype, pd.CategoricalDtype) else []
    for axes, rows in parts:
        rows = rows.assign(x=rows["x"].cat.codes) if texts else rows
        for series, mine in rows.groupby("series", sort=False, observed=True):
            _curve(axes, mine, look[str(series)], banded=banded)
        panels.rules(axes)
        if texts:
            axes.set_xticks(range(len(texts)), texts)
    if points["scale"].iloc[0] == "log" and (points["value"] > 0).all():
        parts[0][0].set_yscale("log")
        log_ticks(parts[0][0].yaxis, most=5)
    panels.name_axes(figure, points, points["x_label"].iloc[0], points["label"].iloc[0])
    panels.legend(figure, [panels.key(one, name, marker="") for name, one in look.items()])
    return figure


def _curve(axes: Axes, rows: pd.DataFrame, look: Look, *, banded: bool) -> None:
    finite = rows.assign(value=rows["value"].where(np.isfinite(rows["value"])))
    steps = finite.groupby("x")["value"]
    low, high, median = steps.min(), steps.max(), steps.median()
    axes.fill_between(low.index, low, high, color=look.colour, alpha=0.15, linewidth=0, zorder=1)
    for _, line in [] if banded else finite.groupby("key", sort=False):
        axes.plot(line["x"], line["value"], color=look.colour, linewidth=0.6, alpha=0.45, zorder=2)
    axes.plot(median.index, median, color=look.colour, linestyle=look.line, linewidth=1.4, zorder=3)


def _map(points: pd.DataFrame) -> Drawing:
    named = points.assign(
        panel=[
            " · ".join(filter(None, (str(series), str(panel))))
            for series, panel in zip(points["series"], points["panel"], strict=True)
        ]
    )
    parts = panels.by_panel(named)
    titles = panels.above([title for title, _ in parts])
    heights = [CELL * rows["y"].nunique() + 0.3 + panels.further_lines(title) for title, (_, rows) in
               zip(titles, parts, strict=True)]  # fmt: skip
    figure = new(sum(heights) + 0.5)
    axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    finite = points["value"][np.isfinite(points["value"])]
    least, most = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    for title, (_, rows), one in zip(titles, parts, axes, strict=True):
        xs, ys = _places(rows["x"]), _places(rows["y"])
        for (x, y), cell in rows.groupby(["x", "y"], observed=True):
            middle = cell["value"].median()
            share = (middle - least) / (most - least) if most > least and np.isfinite(middle) else 0.0
            panels.tile(one, xs.index(x), ys.index(y), float(share), _cell(cell["value"]))
        one.set_xlim(-0.55, len(xs) - 0.45)
        one.set_ylim(-0.5, len(ys) - 0.5)
        panels.bare(one)
        one.set_xticks(range(len(xs)), list(map(coordinate, xs)))
        one.set_yticks(range(len(ys)), list(map(coordinate, ys)))
        one.set_ylabel(points["y_label"].iloc[0])
        one.set_title(title)
    axes[-1].set_xlabel(f"{points['x_label'].iloc[0]}; colour and numbers: {points['label'].iloc[0]}")
    return figure


def _places(coordinates: pd.Series[Any]) -> list[Any]:
    """Return the places on an axis, ascending; texts in their own order."""
    there = coordinates.unique()
    if isinstance(coordinates.dtype, pd.CategoricalDtype):
        return [text for text in coordinates.cat.categories if text in set(there)]
    return sorted(there.tolist())


def _cell(values: pd.Series[float]) -> str:
    if values.isna().all():
        return MISSING
    middle, low, high = (number(value, 2) for value in (values.median(), values.min(), values.max()))
    return middle if low == high else f"{middle}\n{low} – {high}"
