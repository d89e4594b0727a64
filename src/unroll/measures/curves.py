"""What measures have in common whose figure shows curves over the training, a panel for each condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.measures.base import Measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source

MOST_CURVES = 4
"""Panels of curves that a reader looks at whose study is judged by something else."""


class Curves(Measure):
    """Curves that the training loop records."""

    when = "training"
    section = "Learning"
    nested = False

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """Say so unless a study that is not judged by its losses has too many panels."""
        from unroll.plots import panels

        return not source.judged or panels.total(points) <= MOST_CURVES
