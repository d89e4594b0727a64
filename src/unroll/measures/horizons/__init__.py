"""Relative error by the number of steps ahead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.capabilities import Continues
from unroll.measures.base import About, Figure, Measure, Place, Recorded

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source
    from unroll.models.base import Model
    from unroll.models.network import Network
    from unroll.study import Trial
    from unroll.tasks import Task


class Horizons(Measure):
    """Relative error by the number of steps ahead."""

    name = "horizons"
    title = "Error by horizon"
    summary = "relative error by the number of steps ahead"
    version = "1"
    when = "training"
    needs = "a complete trial of a task of number sequences"
    section = "Sequences continued"
    place = 20

    def why_not(self, task: Task, model: Model) -> str:
        """See Measure."""
        return "" if isinstance(task, Continues) else f"The sequences of {task.name} do not go on."

    def record(self, trial: Trial, task: Task, network: Network) -> Recorded:
        """See Measure."""
        from unroll.measures.horizons.compute import record

        return record(trial, task, network)

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per condition, regime and horizon, its free-running errors."""
        from unroll.measures.horizons.table import horizons

        names = source.history_names()
        regimes = [name.removeprefix("relative_error_") for name in names if name.startswith("relative_error_")]
        regimes.sort(key=lambda regime: (regime != "within", regime))
        measured = ("relative_error", "absolute_error", "one_step_error")
        curves = {(regime, name): source.histories(f"{name}_{regime}") for regime in regimes for name in measured}
        return horizons(source.trials(), curves, source.factors)

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield how far the model that is asked about is right, or the only one; else which are, and on which tasks."""
        from unroll.measures.horizons.sentences import of_all, of_model

        table = about.only(source.measure(self.name))
        table = table[table.groupby("task")["horizon"].transform("max") > 1]  # one step is nothing to run freely over
        if len(table) and about.model:
            yield from of_model(source.told.words, table, about.model)
        elif len(table):
            yield from of_all(source.told.words, table)

    def judges(self, source: Source) -> frozenset[str]:
        """See Measure."""
        return frozenset(source.measure(self.name)["task"])

    def few(self, points: pd.DataFrame) -> pd.DataFrame:
        """Return the most telling panels."""
        from unroll.measures.horizons.figure import most_telling

        return most_telling(points)

    def left_out(self, points: pd.DataFrame, study: str) -> str:
        """See Measure."""
        from unroll.measures.horizons.telling import left_out

        return left_out(points, f"{study} {self.name}", self.name)

    def shown(self, points: pd.DataFrame, source: Source) -> bool:
        """Say so where there is more than one step ahead."""
        return bool(points["horizon"].max() > 1)

    def leads(self, source: Source) -> int:
        """See Measure."""
        return 50

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.horizons import sheet

        yield from filter(None, (sheet.layout(source),))

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.horizons import figure

        return figure
