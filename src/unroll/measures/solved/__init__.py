"""Map of models and lengths: how many seeds solve them."""

from __future__ import annotations

from unroll.measures.base import Figure, Measure


class Solved(Measure):
    """Map of models and lengths: how many seeds solve them."""

    name = "solved"
    title = "Which lengths are solved"
    summary = "map of models and lengths: how many seeds solve them"
    version = "1"
    needs = "a planned trial"
    place = 200

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.solved import figure

        return figure
