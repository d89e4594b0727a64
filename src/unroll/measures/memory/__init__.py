"""How much of what is to be remembered a loss comes to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import Measure, Place

if TYPE_CHECKING:
    import pandas as pd

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

        if where == "page":
            yield from filter(None, (sheet.memory(source),))
