"""How much of what is to be remembered a loss comes to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import About, Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source


class Memory(Measure):
    """How much of what is to be remembered a loss comes to."""

    name = "memory"
    title = "Effective memory"
    summary = "how much of what is to be remembered a loss comes to"
    version = "1"
    needs = "a complete trial of a task with a law of memory"
    section = "Memory"
    nested = False
    place = 210

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per condition."""
        from unroll.measures.memory.table import memory

        return memory(source.with_settings(source.trials(), ["task.test"]), source.factors)

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.memory import sheet

        frame = source.measure(self.name)
        if len(frame):
            yield (sheet.memory if where == "page" else sheet.in_words)(frame, source.factors)

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield how much each model keeps, where that is asked: else it is told beside what is solved."""
        from unroll.measures.memory.sentences import sentences

        if about.asked:
            yield from sentences(source.told.words, about.only(source.measure(self.name)), source.factors)
