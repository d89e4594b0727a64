"""Map of models and lengths: how many seeds solve them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import About, Figure, Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source


class Solved(Measure):
    """Map of models and lengths: how many seeds solve them."""

    name = "solved"
    title = "Which lengths are solved"
    summary = "map of models and lengths: how many seeds solve them"
    version = "1"
    needs = "a planned trial"
    section = "Test loss"
    by_length = True
    nested = False
    place = 200

    def heading(self, points: pd.DataFrame) -> str:
        """Return what is compared: lengths, or tasks where each has one."""
        from unroll.measures.solved.figure import of_one_length

        return "Which tasks are solved" if of_one_length(points) else self.title

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """See Lengths; also where tasks are compared."""
        from unroll.measures.solved.figure import by_model
        from unroll.plots import panels

        return not source.judged or panels.by_length(source.table()) or by_model(points)

    def leads(self, source: Source) -> int:
        """See Measure."""
        return 10

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """Yield what is solved, and the span where lengths are compared."""
        from unroll.measures.solved import sheet

        if where == "page":
            from unroll.plots import panels  # draws, and takes long to import

            yield sheet.solved(source)
            if not source.judged or panels.by_length(source.table()):
                yield sheet.span(source)

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield what each model solves, where that is asked: else it is told task by task."""
        from unroll.measures.solved.sentences import sentences

        if about.asked:
            yield from sentences(source.told.words, about.only(source.table()), source.factors)

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.solved import figure

        return figure
