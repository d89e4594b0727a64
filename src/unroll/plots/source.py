"""What a figure asks of a study's results; ``unroll.reading.Results`` has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from unroll.study import Study


class Source(Protocol):
    """The tables that figures are drawn from. See ``unroll.reading.Results`` for what each holds."""

    study: Study

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors with more than one value, beside task, model, length and seed."""
        ...

    @property
    def stateless(self) -> frozenset[str]:
        """The models that keep no state."""
        ...

    def table(self) -> pd.DataFrame:
        """One row a condition."""
        ...

    def trials(self) -> pd.DataFrame:
        """One row a trial."""
        ...

    def effects(self) -> pd.DataFrame:
        """One row a level of a factor, against the factor's first."""
        ...

    def thinned(self, name: str, points: int = ..., keys: Sequence[str] | None = ...) -> pd.DataFrame:
        """One row a trial and point of one history, of these trials or all, with at most so many points."""
        ...

    def generation(self) -> pd.DataFrame:
        """One row a trial and step of its continuation."""
        ...

    def horizons(self) -> pd.DataFrame:
        """One row a condition, regime and horizon."""
        ...

    def traps(self) -> pd.DataFrame:
        """One row a condition of a generating task."""
        ...

    def window_lag(self) -> pd.DataFrame:
        """One row a model, lag and capacity."""
        ...
