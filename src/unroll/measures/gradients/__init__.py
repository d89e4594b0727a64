"""Gradient norm over the updates, logarithmic."""

from __future__ import annotations

from unroll.measures.base import Figure
from unroll.measures.curves import Curves


class Gradients(Curves):
    """Gradient norm over the updates, logarithmic."""

    name = "gradients"
    title = "Gradient norms"
    summary = "gradient norm over the updates, logarithmic"
    version = "1"
    needs = "a trial that has recorded gradient norms"
    place = 400

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.gradients import figure

        return figure
