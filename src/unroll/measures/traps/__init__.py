"""What turning off each of the source notebook's traps is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.measures.base import Figure, Measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source


class Traps(Measure):
    """What turning off each of the source notebook's traps is worth."""

    name = "traps"
    title = "Traps"
    summary = "what turning off each of the source notebook's traps is worth"
    version = "1"
    needs = "a complete trial of a task of number sequences, with a setting of the notebook's traps as a factor"
    place = 30

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row a condition of a generating task, its traps and their worth."""
        from unroll.measures.traps.table import SETTINGS, traps

        trials = source.with_settings(source.trials(), SETTINGS)
        last = source.histories("relative_error").groupby("key")["value"].last().astype("float64")
        trials["prompt_error"] = trials["key"].map(last)
        return traps(trials[trials["generate.prime"].notna()], source.factors)

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.traps import figure

        return figure
