"""``results.plot``, which draws the figure of every measure that has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unroll.errors import UnknownNameError, UnrollError, did_you_mean
from unroll.measures.installed import known

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.base import Figure
    from unroll.measures.source import Source
    from unroll.plots.style import Drawing


def drawn() -> dict[str, Figure]:
    """Return the figures of the measures that have one, by their names, in the order in which they are shown."""
    return {name: measure.figure for name, measure in known().items() if measure.figure is not None}


def figure(name: str) -> Figure:
    """Return a figure by its measure's name; UnknownNameError for a name of none."""
    found = drawn()
    if name not in found:
        raise UnknownNameError(f'Unknown figure "{name}".{did_you_mean(name, found)} All figures: {", ".join(found)}.')
    return found[name]


class Plots:
    """``results.plot``: a study's figures, ``results.plot.lengths()`` and so on, one for each measure that has one.

    Each shows itself in Jupyter; ``unroll.plots.save`` writes it to a file. Raises UnrollError where the study has no
    data for a figure.
    """

    def __init__(self, source: Source):
        self._source = source

    def __getattr__(self, name: str) -> Callable[[], Drawing]:
        if name.startswith("_") or name not in drawn():
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return lambda: self.draw(name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *drawn()]

    def table(self, name: str) -> pd.DataFrame:
        """Return what a figure is drawn from; UnknownNameError for a name that is no figure."""
        found = figure(name).points(self._source)
        if found.empty:
            others = [other for other, one in drawn().items() if len(one.points(self._source))]
            hint = f" Figures that it has data for: {', '.join(others)}." if others else ""
            needs, study = known()[name].needs, self._source.study.name
            raise UnrollError(f'The figure "{name}" needs {needs}; {study} has none.{hint}')
        return found

    def draw(self, name: str) -> Drawing:
        """Return a figure by its name."""
        return figure(name).draw(self.table(name))

    def describe(self, name: str) -> str:
        """Return a figure's alternative text."""
        return figure(name).describe(self.table(name))
