"""What the models make of the prompt, against the truth."""

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


class Continuation(Measure):
    """What the models make of the prompt, against the truth."""

    name = "continuation"
    title = "Continuations of the prompt"
    summary = "what the models make of the prompt, against the truth"
    version = "1"
    when = "training"
    needs = "a complete trial of a task of number sequences"
    rows = "generation"
    section = "Sequences continued"
    place = 10

    def why_not(self, task: Task, model: Model) -> str:
        """See Measure."""
        return "" if isinstance(task, Continues) else f"The sequences of {task.name} do not go on."

    def record(self, trial: Trial, task: Task, network: Network) -> Recorded:
        """See Measure."""
        from unroll.measures.continuation.compute import record

        return record(trial, task, network)

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per trial and step of its continuation."""
        from unroll.measures.continuation.table import continuations

        needed = ("continuation", "truth", "relative_error") if "continuation" in source.history_names() else ()
        curves = {name: source.histories(name) for name in needed}
        return continuations(source.trials(), curves, source.factors)

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield where a continuation comes to rest, and what settings of the task are worth; of one model."""
        from unroll.measures.continuation.sentences import at_rest, by_level

        table = about.only(source.measure(self.name))
        if len(table) and about.model:
            yield from at_rest(source.told.words, table, about.model)
            for factor in source.factors:
                if source.told.words.tells(factor):
                    yield from by_level(source.told.words, table, about.model, factor)

    def judges(self, source: Source) -> frozenset[str]:
        """See Measure."""
        return frozenset(source.measure(self.name)["task"])

    def few(self, points: pd.DataFrame) -> pd.DataFrame:
        """Return the most telling panels."""
        from unroll.measures.continuation.figure import most_telling

        return most_telling(points)

    def left_out(self, points: pd.DataFrame, study: str) -> str:
        """See Measure."""
        from unroll.measures.horizons.telling import left_out

        return left_out(points, f"{study} {self.name}", self.name)

    def leads(self, source: Source) -> int:
        """See Measure."""
        return 40

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.continuation import sheet

        if where == "terminal":
            yield from filter(None, (sheet.on_a_terminal(source),))

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.continuation import figure

        return figure
