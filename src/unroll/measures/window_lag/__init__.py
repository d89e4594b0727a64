"""Map of lag and capacity: how much of a value that was shown once is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.capabilities import Recalls
from unroll.measures.base import About, Figure, Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source


class WindowLag(Measure):
    """Map of lag and capacity: how much of a value that was shown once is lost."""

    name = "window_lag"
    title = "Window and lag"
    summary = "map of lag and capacity: how much of a value that was shown once is lost"
    version = "1"
    needs = "a planned trial of delayed recall"
    section = "Sequences continued"
    place = 40

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per model, lag and capacity, of tasks of delayed recall."""
        from unroll.measures.window_lag.table import window_lag

        trials = source.with_settings(source.trials(), ("model.window", "model.hidden", "model.parameters"))
        recalling = [task for task in trials["task"].unique() if source.told.can("task", task, Recalls)]
        return window_lag(trials[trials["task"].isin(recalling)], source.factors)

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield which models know the value that was shown."""
        from unroll.measures.window_lag.sentences import window_and_lag

        yield from window_and_lag(source.told.words, about.only(source.measure(self.name)))

    def judges(self, source: Source) -> frozenset[str]:
        """See Measure."""
        return frozenset(source.measure(self.name)["task"])

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """Say so where there is more than one lag."""
        return points["lag"].nunique() > 1

    def covers(self, source: Source) -> bool:
        """Say so where every task is one of delayed recall, with several lags."""
        table = source.measure(self.name)
        return table["length"].nunique() > 1 and set(table["task"]) == set(source.table()["task"])

    def leads(self, source: Source) -> int:
        """See Measure."""
        return 20

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.window_lag import sheet

        yield from filter(None, (sheet.layout(source),))

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.window_lag import figure

        return figure
