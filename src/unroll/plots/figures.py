"""All figures by name, and ``results.plot``, which draws them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unroll.errors import UnknownNameError, UnrollError, did_you_mean
from unroll.plots.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from unroll.plots.style import Drawing

FIGURES = {
    "lengths": "Test loss against length",
    "solved": "Which lengths are solved",
    "effects": "Effects of settings",
    "learning": "Learning curves",
    "gradients": "Gradient norms",
    "timing": "Time per epoch",
    "continuation": "Continuations of the prompt",
    "horizons": "Error by horizon",
    "traps": "Traps",
    "window_lag": "Window and lag",
}
"""Names of figures with their titles. Each is a module of this package that holds

``table(source)``      what is drawn, one frame; empty where the study has no data for it
``<name>(table)``      the figure
``describe(table)``    what it shows, in words: its alternative text
``caption(table)``     how to read it
``NEEDS``              what a study must have for it
"""


def module(name: str) -> Any:
    """Return a figure's module; UnknownNameError for a name that is none."""
    if name not in FIGURES:
        raise UnknownNameError(
            f'Unknown figure "{name}".{did_you_mean(name, FIGURES)} All figures: {", ".join(FIGURES)}.'
        )
    return import_module(f"unroll.plots.{name}")


def has_data(source: Source, name: str) -> bool:
    """Say whether a study has what a figure needs."""
    return bool(len(module(name).table(source)))


class Plots:
    """``results.plot``: a study's figures. Each shows itself in Jupyter; ``unroll.plots.files`` writes it to a file.

    Raises UnrollError where the study has no data for a figure.
    """

    def __init__(self, source: Source):
        self._source = source

    def lengths(self) -> Drawing:
        """Test loss against length: every seed a dot, baseline and criterion."""
        return self.draw("lengths")

    def solved(self) -> Drawing:
        """Map of models and lengths: how many seeds solve them."""
        return self.draw("solved")

    def effects(self) -> Drawing:
        """What each level of each setting does to the score, against the first: medians and intervals."""
        return self.draw("effects")

    def learning(self) -> Drawing:
        """Learning curves: every seed and the median."""
        return self.draw("learning")

    def gradients(self) -> Drawing:
        """Gradient norm over the updates, logarithmic."""
        return self.draw("gradients")

    def timing(self) -> Drawing:
        """Seconds an epoch against length, with the fitted exponent."""
        return self.draw("timing")

    def continuation(self) -> Drawing:
        """What the models make of the prompt, against the truth."""
        return self.draw("continuation")

    def horizons(self) -> Drawing:
        """Relative error by the number of steps ahead."""
        return self.draw("horizons")

    def traps(self) -> Drawing:
        """What turning off each of the notebook's traps is worth."""
        return self.draw("traps")

    def window_lag(self) -> Drawing:
        """Map of lag and capacity: how much of an announced value is lost."""
        return self.draw("window_lag")

    def table(self, name: str) -> pd.DataFrame:
        """Return what a figure is drawn from; UnknownNameError for a name that is no figure."""
        found: pd.DataFrame = module(name).table(self._source)
        if found.empty:
            others = [other for other in FIGURES if has_data(self._source, other)]
            hint = f" Figures that it has data for: {', '.join(others)}." if others else ""
            study = self._source.study.name
            raise UnrollError(f'The figure "{name}" needs {module(name).NEEDS}; {study} has none.{hint}')
        return found

    def draw(self, name: str) -> Drawing:
        """Return a figure by its name."""
        figure: Drawing = getattr(module(name), name)(self.table(name))
        return figure

    def describe(self, name: str) -> str:
        """Return a figure's alternative text."""
        return str(module(name).describe(self.table(name)))
