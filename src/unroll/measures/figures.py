"""``results.plot``, which draws the figure of every measure that has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from unroll.errors import MeasureError, UnknownNameError, UnrollError, did_you_mean
from unroll.measures.asking import Asked, asked, everyone, figure_of
from unroll.measures.generic import gaps
from unroll.measures.installed import known, measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.base import Figure
    from unroll.measures.source import Source
    from unroll.plots.style import Drawing


def drawn() -> Mapping[str, Figure]:
    """Return the figures of the measures that have one, by their names, in the order in which they are shown.

    One that fails to give its figure is left out.
    """
    found: dict[str, Figure] = {}
    for name, one in known().items():
        try:
            figure = figure_of(name, one)
        except MeasureError:
            continue
        if figure is not None:
            found[name] = figure
    return found


def figure(name: str) -> Figure:
    """Return a figure by its measure's name.

    Raises UnknownNameError for a name of none, PlugInError where the measure is broken.
    """
    found = drawn()
    if name not in found:
        raise UnknownNameError(_no_figure(name, found))
    return found[name]


class Plots:
    """``results.plot``: a study's figures, ``results.plot.lengths()`` and so on, one for each measure that has one.

    Each shows itself in Jupyter; ``unroll.plots.save`` writes it to a file. Raises UnrollError where the study has no
    data for a figure, MeasureError where its measure fails.
    """

    def __init__(self, source: Source):
        self._source = source

    def __getattr__(self, name: str) -> Callable[[], Drawing]:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        try:
            figure(name)
        except UnknownNameError as error:
            raise AttributeError(str(error)) from None
        return lambda: self.draw(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *drawn()]

    def table(self, name: str) -> pd.DataFrame:
        """Return what a figure is drawn from; UnknownNameError for a name that is no figure."""
        return self._asked(name)[1]

    def draw(self, name: str) -> Drawing:
        """Return a figure by its name."""
        one, points = self._asked(name)
        return one.draw(points)

    def describe(self, name: str) -> str:
        """Return a figure's alternative text."""
        one, points = self._asked(name)
        return one.describe(points)

    def _asked(self, name: str) -> tuple[Asked, pd.DataFrame]:
        figure(name)
        one = asked(name, self._source)
        points = one.points()
        if points.empty:
            raise UnrollError(self._without(one))
        return one, points

    def _without(self, one: Asked) -> str:
        """Return why there is nothing to draw, and of what there is."""
        study = self._source.study.name
        missing = gaps(self._source.examination(one.name)) if one.measure.when == "end" else ""
        others = [other.name for other in everyone(self._source) if other.spared(partial(_has_points, other), False)]
        hint = f" Figures that it has data for: {', '.join(others)}." if others else ""
        needs = f'The figure "{one.name}" needs {one.measure.needs}; '
        return f"{needs}{f'of {study}: {missing}' if missing else f'{study} has none.'}{hint}"


def _has_points(one: Asked) -> bool:
    return one.figure() is not None and len(one.points()) > 0


def _no_figure(name: str, found: Mapping[str, Figure]) -> str:
    """Return why none of the figures ``found`` has this name. Raises PlugInError where its measure is broken."""
    try:
        figure_of(name, measure(name))
    except UnknownNameError:
        return f'Unknown figure "{name}".{did_you_mean(name, found)} All figures: {", ".join(found)}.'
    return f'The measure "{name}" has no figure. All figures: {", ".join(found)}.'
