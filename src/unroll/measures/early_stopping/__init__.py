"""Where early stopping ended the trainings, and which epochs were best."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.layout import Layout
    from unroll.measures.source import Source


class EarlyStopping(Measure):
    """Where early stopping ended the trainings, and which epochs were best."""

    name = "early_stopping"
    title = "Early stopping"
    summary = "where early stopping ended the trainings, and which epochs were best"
    version = "1"
    needs = "a complete trial that was trained with early stopping"
    section = "Learning"
    place = 5

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per condition."""
        from unroll.measures.early_stopping.table import early_stopping

        return early_stopping(source.with_settings(source.trials(), ["train.epochs"]), source.factors)

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.early_stopping import sheet

        yield from filter(None, (sheet.early_stopping(source),))
