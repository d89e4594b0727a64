"""Learning curves: every seed and the median."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import About, Figure
from unroll.measures.curves import Curves

if TYPE_CHECKING:
    from unroll.analysis.finding import Finding
    from unroll.measures.source import Source


class Learning(Curves):
    """Learning curves: every seed and the median."""

    name = "learning"
    title = "Learning curves"
    summary = "learning curves: every seed and the median"
    version = "1"
    needs = "a trial that has trained for an epoch"
    place = 300

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield after how many updates the criterion is met, where that is asked."""
        from unroll.measures.learning.sentences import sentences

        if about.asked:
            trials = source.with_settings(source.trials(), ("train.batch",))
            yield from sentences(source.told.words, about.only(trials), source.factors)

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.learning import figure

        return figure
