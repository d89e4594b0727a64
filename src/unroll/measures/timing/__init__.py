"""Seconds per epoch against length, with the fitted exponent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import Figure, Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.layout import Layout
    from unroll.measures.source import Source


class Timing(Measure):
    """Seconds per epoch against length, with the fitted exponent."""

    name = "timing"
    title = "Time per epoch"
    summary = "seconds per epoch against length, with the fitted exponent"
    version = "1"
    section = "Time"
    by_length = True
    nested = False
    place = 600

    def table(self, source: Source) -> pd.DataFrame:
        """Return the seconds of an epoch, one row per condition."""
        from unroll.analysis.timing import timing

        return timing(source.trials(), source.factors)

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """Say so unless a study that is not judged by its losses has nothing to compare lengths by."""
        from unroll.plots import panels

        return not source.judged or panels.by_length(source.table())

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.answering import covered
        from unroll.measures.timing import sheet

        if where == "page" and not covered(source):
            yield from filter(None, (sheet.growth(source),))

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.timing import figure

        return figure
