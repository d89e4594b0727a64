"""Test loss against length: every seed a dot, baseline and criterion."""

from __future__ import annotations

from unroll.measures.base import Figure, Measure


class Lengths(Measure):
    """Test loss against length: every seed a dot, baseline and criterion."""

    name = "lengths"
    title = "Test loss against length"
    summary = "test loss against length: every seed a dot, baseline and criterion"
    version = "1"
    place = 100

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.lengths import figure

        return figure
