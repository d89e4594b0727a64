"""What turning off each of the source notebook's traps is worth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import About, Figure, Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source


class Traps(Measure):
    """What turning off each of the source notebook's traps is worth."""

    name = "traps"
    title = "Traps"
    summary = "what turning off each of the source notebook's traps is worth"
    version = "1"
    needs = "a complete trial of a task of number sequences, with a setting of the notebook's traps as a factor"
    section = "Sequences continued"
    place = 30

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per condition of a generating task, its traps and their worth."""
        from unroll.measures.traps.table import SETTINGS, traps

        trials = source.with_settings(source.trials(), SETTINGS)
        trials = trials[trials["generate.prime"].notna()].assign(prompt_error=math.nan)
        if len(trials):  # else no curve need be read
            last = source.histories("relative_error").groupby("key")["value"].last().astype("float64")
            trials["prompt_error"] = trials["key"].map(last)
        return traps(trials, source.factors)

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield in how many trials the truth was met with which traps."""
        from unroll.measures.traps.sentences import trapped

        yield from trapped(source.told.words, about.only(source.measure(self.name)))

    def judges(self, source: Source) -> frozenset[str]:
        """See Measure."""
        return frozenset(source.measure(self.name)["task"])

    def leads(self, source: Source) -> int:
        """See Measure."""
        return 30

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.traps import sheet

        yield from filter(None, (sheet.layout(source),))

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.traps import figure

        return figure
