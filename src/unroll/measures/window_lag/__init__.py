"""Map of lag and capacity: how much of a value that was shown once is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.capabilities import Recalls
from unroll.measures.base import Figure, Measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source


class WindowLag(Measure):
    """Map of lag and capacity: how much of a value that was shown once is lost."""

    name = "window_lag"
    title = "Window and lag"
    summary = "map of lag and capacity: how much of a value that was shown once is lost"
    version = "1"
    needs = "a planned trial of delayed recall"
    place = 40

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row a model, lag and capacity, of tasks of delayed recall."""
        from unroll.measures.window_lag.table import window_lag

        trials = source.with_settings(source.trials(), ("model.window", "model.hidden", "model.parameters"))
        recalling = [task for task in trials["task"].unique() if source.can("task", task, Recalls)]
        return window_lag(trials[trials["task"].isin(recalling)], source.factors)

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.window_lag import figure

        return figure
