"""The table and the figure of a measure that brings neither, by the shape of what it stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from unroll.analysis.measured import COLUMNS, over_seeds, shape
from unroll.analysis.sheets import count, interval, several
from unroll.layout import Layout, each, figures, heading
from unroll.wording import number, setting, short_names

if TYPE_CHECKING:
    from unroll.measures.base import Measure
    from unroll.measures.source import Source
    from unroll.plots.style import Drawing

MOST_PLACES = 3
"""Places of a curve, or of a map, that a table of texts shows: first, middle, last."""


def table(measure: Measure, source: Source) -> pd.DataFrame:
    """Return a measure's numbers over seeds: see ``unroll.analysis.measured.over_seeds``."""
    return over_seeds(source.examination(measure.name), source.factors, source.quantities(measure.name))


def layout(measure: Measure, source: Source) -> Layout | None:
    """Return those numbers as a table of texts; None without any."""
    frame, factors = source.measure(measure.name), source.factors
    if frame.empty:
        return None
    told = {"task", "model", "length", *factors, "quantity", "words", *COLUMNS}
    axes = [str(name) for name in frame.columns if name not in told]
    columns = [heading("task"), heading("model"), heading("T", right=True), *map(heading, short_names(factors))]
    columns += [heading("quantity"), *(heading(axis, right=True) for axis in axes)]
    columns += [figures("n"), figures("median"), figures("range", 2), figures("95 % interval", 3), each("each seed", 1)]
    made = Layout(columns, str(measure.told()["title"]), _gaps(source.examination(measure.name)), name=measure.name)
    for _, rows in frame.groupby(["task", "model", "length", *factors, "quantity"], sort=False, dropna=False):
        shown = rows if len(rows) <= MOST_PLACES else rows.iloc[[0, len(rows) // 2, len(rows) - 1]]
        for row in shown.to_dict("records"):
            made.add(
                *(row["task"], row["model"], count(row["length"]), *(setting(row[factor]) for factor in factors)),
                *(row["words"], *("" if row[axis] != row[axis] else str(row[axis]) for axis in axes)),
                *(count(row["n"]), number(row["median"]), interval(row["low"], row["high"])),
                *(interval(row["interval_low"], row["interval_high"]), several(map(number, row["each_seed"]))),
            )
    return made


def _gaps(found: pd.DataFrame) -> str:
    """Return of how many trials there is no number, and why."""
    without = found[found["value"].isna()]
    return "\n".join(f"{note}: {len(rows):,} of the trials" for note, rows in without.groupby("note", sort=False))


class Generic:
    """The figure of a measure's first quantity that runs along an axis; of none, of its first number."""

    def __init__(self, measure: Measure):
        self._measure = measure

    def points(self, source: Source) -> pd.DataFrame:
        """Return the points of ``unroll.plots.shapes``; empty where no trial has any."""
        from unroll.plots import panels

        found, factors = source.examination(self._measure.name), source.factors
        names = list(dict.fromkeys(found.loc[found["value"].notna(), "quantity"]))
        if not names:
            return pd.DataFrame()
        axes = {name: shape(found, name, factors) for name in names}
        declared = source.quantities(self._measure.name)
        names.sort(key=lambda name: (not axes[name], [*declared, name].index(name)))
        name, along = names[0], axes[names[0]][:2]
        rows = found[(found["quantity"] == name) & found["value"].notna()]
        quantity = declared.get(name)
        points = pd.DataFrame(
            {
                "panel": panels.titles(rows, factors, by_length=panels.by_length(rows), words=source.words),
                "series": panels.series(rows["model"], source.trials()["model"]),
                "key": rows["key"],
                "value": rows["value"].astype("float64"),
                "label": quantity.label if quantity is not None else name.replace("_", " "),
                "scale": quantity.scale if quantity is not None else "linear",
            }
        )
        for axis, column in zip(along, ("x", "y"), strict=False):
            points = points.assign(**{column: rows[axis], f"{column}_label": axis.replace("_", " ")})
        return points

    def draw(self, points: pd.DataFrame) -> Drawing:
        """See ``unroll.plots.shapes``."""
        from unroll.plots.shapes import draw

        return draw(points)

    def describe(self, points: pd.DataFrame) -> str:
        """See ``unroll.plots.shapes``."""
        from unroll.plots.shapes import describe

        return describe(points)

    def caption(self, points: pd.DataFrame) -> str:
        """See ``unroll.plots.shapes``."""
        from unroll.plots.shapes import caption

        return caption(points)
