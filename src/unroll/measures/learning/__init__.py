"""Learning curves: every seed and the median."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.measures.base import Figure, Measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source

MOST_CURVES = 4
"""Panels of curves that a reader looks at whose study is judged by something else."""


class Learning(Measure):
    """Learning curves: every seed and the median."""

    name = "learning"
    title = "Learning curves"
    summary = "learning curves: every seed and the median"
    version = "1"
    when = "training"
    needs = "a trial that has trained for an epoch"
    section = "Learning"
    nested = False
    place = 300

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """Say so unless a study that is not judged by its losses has too many panels."""
        from unroll.plots import panels

        return not source.judged or panels.total(points) <= MOST_CURVES

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.learning import figure

        return figure
