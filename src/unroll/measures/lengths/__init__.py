"""Test loss against length: every seed a dot, baseline and criterion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import Figure, Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.layout import Layout
    from unroll.measures.source import Source


class Lengths(Measure):
    """Test loss against length: every seed a dot, baseline and criterion."""

    name = "lengths"
    title = "Test loss against length"
    summary = "test loss against length: every seed a dot, baseline and criterion"
    version = "1"
    section = "Test loss"
    by_length = True
    nested = False
    place = 100

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """Say so unless a study that is not judged by its losses has nothing to compare lengths by."""
        from unroll.plots import panels

        return not source.judged or panels.by_length(source.table())

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.lengths import sheet

        if where == "page":
            yield from filter(None, (sheet.loss(source),))

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.lengths import figure

        return figure
