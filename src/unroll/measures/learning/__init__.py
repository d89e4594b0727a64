"""Learning curves: every seed and the median."""

from __future__ import annotations

from unroll.measures.base import Figure
from unroll.measures.curves import Curves


class Learning(Curves):
    """Learning curves: every seed and the median."""

    name = "learning"
    title = "Learning curves"
    summary = "learning curves: every seed and the median"
    version = "1"
    needs = "a trial that has trained for an epoch"
    place = 300

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.learning import figure

        return figure
