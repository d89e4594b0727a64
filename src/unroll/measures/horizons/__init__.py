"""Relative error by the number of steps ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.measures.base import Figure, Measure

if TYPE_CHECKING:
    import pandas as pd

    from unroll.measures.source import Source


class Horizons(Measure):
    """Relative error by the number of steps ahead."""

    name = "horizons"
    title = "Error by horizon"
    summary = "relative error by the number of steps ahead"
    version = "1"
    needs = "a complete trial of a task of number sequences"
    place = 20

    def table(self, source: Source) -> pd.DataFrame:
        """Return one row a condition, regime and horizon, its free-running errors."""
        from unroll.measures.horizons.table import horizons

        names = source.history_names()
        regimes = [name.removeprefix("relative_error_") for name in names if name.startswith("relative_error_")]
        regimes.sort(key=lambda regime: (regime != "within", regime))
        measured = ("relative_error", "absolute_error", "one_step_error")
        curves = {(regime, name): source.histories(f"{name}_{regime}") for regime in regimes for name in measured}
        return horizons(source.trials(), curves, source.factors)

    @property
    def figure(self) -> Figure:
        """See Measure."""
        from unroll.measures.horizons import figure

        return figure
