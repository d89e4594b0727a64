"""How right a model is at lengths that it was never trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unroll.measures.base import About, Figure, Measure, Place

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.finding import Finding
    from unroll.layout import Layout
    from unroll.measures.source import Source


class Beyond(Measure):
    """How right a model is at lengths that it was never trained on: those of ``test.lengths``."""

    name = "beyond"
    title = "Beyond the trained length"
    summary = "accuracy or loss at further lengths, shorter and longer than the trained one"
    version = "1"
    when = "training"
    needs = "a complete trial that is tested at further lengths (test.lengths)"
    section = "Test loss"
    sources = ("deletang2023neural",)
    place = 220

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row per condition and tested length."""
        from unroll.measures.beyond.table import beyond

        trials = source.trials()
        return beyond(trials, source.tested(), along(source, trials), source.factors)

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.beyond import figure

        return figure

    def leads(self, source: Source) -> int:
        """See Measure: where further lengths are tested, they are what is asked."""
        return 5

    def layouts(self, source: Source, where: Place) -> Iterator[Layout]:
        """See Measure."""
        from unroll.measures.beyond import sheet

        frame = source.measure(self.name)
        longer = bool(len(frame)) and bool(frame["longer"].any())
        if longer:
            yield sheet.mean(frame, source.factors, terminal=where == "terminal")
        if len(frame) and (where == "page" or not longer):
            yield sheet.by_length(frame, source.factors)

    def findings(self, source: Source, about: About) -> Iterator[Finding]:
        """Yield how right each model is beyond the length that it was trained on."""
        from unroll.measures.beyond.sentences import sentences

        yield from sentences(source.told.words, about.only(source.measure(self.name)), source.factors)


def along(source: Source, trials: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the histories by length of these trials, each by the quantity that it is of: "loss", "accuracy"."""
    names = dict.fromkeys(["test_loss", *(str(name) for name in source.told.counted)])
    found = {name.removeprefix("test_"): source.histories(f"{name.removeprefix('test_')}_by_length") for name in names}
    return {name: values for name, values in found.items() if len(values)}
