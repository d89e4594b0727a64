"""What the models make of the prompt, against the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.measures.base import Figure, Measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source


class Continuation(Measure):
    """What the models make of the prompt, against the truth."""

    name = "continuation"
    title = "Continuations of the prompt"
    summary = "what the models make of the prompt, against the truth"
    version = "1"
    needs = "a complete trial of a task of number sequences"
    rows = "generation"
    place = 10

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row a trial and step of its continuation."""
        from unroll.measures.continuation.table import continuations

        curves = {name: source.histories(name) for name in ("continuation", "truth", "relative_error")}
        return continuations(source.trials(), curves, source.factors)

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.continuation import figure

        return figure
