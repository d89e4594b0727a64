"""What each level of each setting does to the score, against the first: medians and intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import About, Figure, Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source


OF_THE_WHOLE = "The seeds separate settings over all tasks and models of the study, not for a part of it."


class Effects(Measure):
    """What each level of each setting does to the score, against the first: medians and intervals."""

    name = "effects"
    title = "Effects of settings"
    summary = "what each level of each setting does to the score, against the first: medians and intervals"
    version = "1"
    needs = "two levels of a setting that were tried with all else equal"
    section = "Comparisons"
    nested = False
    of_factors = True
    place = 500

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per level of a factor, against the factor's first: see ``unroll.analysis.effects``."""
        return source.effects()

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.effects import sheet

        made = (sheet.effects, sheet.comparison) if where == "page" else (sheet.settings,)
        yield from filter(None, (make(source) for make in made))

    def leads(self, source: Source) -> int | None:
        """Lead where one model was trained under several settings: the settings are what is asked about."""
        return 5 if source.factors and source.trials()["model"].nunique() == 1 and not source.judged else None

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield what the factor does that is asked about: which levels the seeds separate, by how much, which not."""
        from unroll.analysis.factors import of_factor, undecided
        from unroll.analysis.finding import Finding

        if about.factor:
            yield from of_factor(source.effects(), about.factor)
            yield from undecided(source.effects(), about.factor)
            if source.only(about.task, about.model) is not source:
                yield Finding("not_shown", OF_THE_WHOLE)

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.effects import figure

        return figure
