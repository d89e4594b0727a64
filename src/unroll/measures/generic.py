"""The table and the figure of a measure that brings neither, by the shape of what it stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from unroll.analysis.measured import COLUMNS, axes_of, over_seeds, shape
from unroll.analysis.settings import grouped
from unroll.analysis.sheets import count, interval, several
from unroll.layout import Layout, each, figures, heading
from unroll.store.examined import NAN, NOT_RECORDED
from unroll.store.records import FAILED
from unroll.wording import coordinate, counted, level, listed, number, short_names

if TYPE_CHECKING:
    from unroll.measures.base import Measure
    from unroll.measures.source import Source
    from unroll.plots.style import Drawing

MOST_PLACES = 3
"""Places of a curve, or of a map, that a table of texts shows: first, middle, last."""
MOST_OF_CURVE, MOST_OF_MAP = 1_000, 24
"""Places along an axis that a figure draws; of a map, as many as can be read."""
TOO_OLD = "not recorded (trained before this measure was there)"


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
    made = Layout(columns, str(measure.told()["title"]), name=measure.name)
    for _, rows in grouped(frame, ["task", "model", "length", *factors, "quantity"]):
        shown = rows if len(rows) <= MOST_PLACES else rows.iloc[[0, len(rows) // 2, len(rows) - 1]]
        for row in shown.to_dict("records"):
            made.add(
                *(row["task"], row["model"], count(row["length"]), *(level(factor, row[factor]) for factor in factors)),
                *(row["words"], *("" if pd.isna(row[axis]) else coordinate(row[axis]) for axis in axes)),
                *(count(row["n"]), number(row["median"]), interval(row["low"], row["high"])),
                *(interval(row["interval_low"], row["interval_high"]), several(map(number, row["each_seed"]))),
            )
    return made


def gaps(found: pd.DataFrame, *, inapplicable: bool = True) -> str:
    """Return where a measure has no number of a network, and why, in lines; "" where it has all.

    ``found``: as ``Results.examination`` gives it. Without ``inapplicable``, trials to which the measure does not apply
    are not told.
    """
    lines = []
    for note, rows in found[found["quantity"].isna()].groupby("note", sort=False):
        if inapplicable or note == NOT_RECORDED or str(note).startswith(FAILED):
            why = TOO_OLD if note == NOT_RECORDED else str(note).rstrip(".")
            lines.append(f"No number for {counted(rows['key'].nunique(), 'trial')}: {why}.")
    for name, rows in found[found["note"] == NAN].groupby("quantity", sort=False):
        along = [axis for axis in axes_of(found) if rows[axis].notna().any()]
        places = listed([f"{axis.replace('_', ' ')} {_some(rows[axis])}" for axis in along])
        words, trials = str(name).replace("_", " "), counted(rows["key"].nunique(), "trial")
        lines.append(f"No number (NaN) of {words} at {places} in {trials}.")
    return "\n".join(lines)


def _some(coordinates: pd.Series[Any]) -> str:
    """Return some places on an axis, and how many more there are."""
    texts = list(dict.fromkeys(map(coordinate, coordinates)))
    more = len(texts) - MOST_PLACES
    return listed([*texts[:MOST_PLACES], f"{more:,} more"] if more > 0 else texts)


def _ordered(coordinates: pd.Series[Any]) -> pd.Series[Any]:
    """Return the places on an axis as a figure needs them: texts in their own order, not in the alphabet's."""
    if not pd.api.types.is_numeric_dtype(coordinates):
        texts = coordinates.astype(str)
        return texts.astype(pd.CategoricalDtype(list(texts.unique()), ordered=True))
    return coordinates.astype("int64") if coordinates.dtype == "Int64" else coordinates.astype("float64")


def _drawn(coordinates: pd.Series[Any], most: int) -> list[Any]:
    """Return the places that a figure draws: all, or so many of them, evenly apart, the first and the last included."""
    places = coordinates.unique()
    chosen = range(len(places)) if len(places) <= most else np.linspace(0, len(places) - 1, most).round().astype(int)
    return [places[place] for place in chosen]


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
        places = {axis: rows[axis].nunique() for axis in along}
        for axis in along:
            rows = rows[rows[axis].isin(_drawn(rows[axis], MOST_OF_CURVE if len(along) == 1 else MOST_OF_MAP))]
        quantity = declared.get(name)
        each = rows.drop_duplicates("condition")
        titles = panels.titles(each, factors, by_length=panels.by_length(each), words=source.told.words)
        points = pd.DataFrame(
            {
                "panel": rows["condition"].map(dict(zip(each["condition"], titles, strict=True))),
                "series": panels.series(rows["model"], source.models),
                "key": rows["key"],
                "value": rows["value"].astype("float64"),
                "label": quantity.label if quantity is not None else name.replace("_", " "),
                "scale": quantity.scale if quantity is not None else "linear",
            }
        )
        for axis, column in zip(along, ("x", "y"), strict=False):
            points[column], points[f"{column}_label"] = _ordered(rows[axis]), axis.replace("_", " ")
            points[f"{column}_places"] = places[axis]
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
