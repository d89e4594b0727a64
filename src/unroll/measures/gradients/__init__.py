"""Gradient norm over the updates, logarithmic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.measures.base import Figure, Measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source

MOST_CURVES = 4
"""Panels of curves that a reader looks at whose study is judged by something else."""


class Gradients(Measure):
    """Gradient norm over the updates, logarithmic."""

    name = "gradients"
    title = "Gradient norms"
    summary = "gradient norm over the updates, logarithmic"
    version = "1"
    when = "training"
    needs = "a trial that has recorded gradient norms"
    section = "Learning"
    nested = False
    place = 400

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """Say so unless a study that is not judged by its losses has too many panels."""
        from unroll.plots import panels

        return not source.judged or panels.total(points) <= MOST_CURVES

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.gradients import figure

        return figure
