"""What each level of each setting does to the score, against the first: medians and intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.measures.base import Figure, Measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source


class Effects(Measure):
    """What each level of each setting does to the score, against the first: medians and intervals."""

    name = "effects"
    title = "Effects of settings"
    summary = "what each level of each setting does to the score, against the first: medians and intervals"
    version = "1"
    needs = "two levels of a setting that were tried with all else equal"
    place = 500

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row a level of a factor, against the factor's first: see ``unroll.analysis.effects``."""
        return source.effects()

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.effects import figure

        return figure
