"""Seconds per epoch against length, with the fitted exponent."""

from __future__ import annotations

from unroll.measures.base import Figure, Measure


class Timing(Measure):
    """Seconds per epoch against length, with the fitted exponent."""

    name = "timing"
    title = "Time per epoch"
    summary = "seconds per epoch against length, with the fitted exponent"
    version = "1"
    place = 600

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.timing import figure

        return figure
