"""What a measure asks of a study's results; ``unroll.reading.Results`` has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis.told import Told
    from unroll.measures.asking import Faults
    from unroll.quantity import Quantity
    from unroll.study import Study


class Source(Protocol):
    """The numbers of a study that measures are read from. See ``unroll.reading.Results`` for what each holds."""

    study: Study
    faults: Faults
    """The measures that failed while these results were read."""

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors with more than one value, beside task, model, length and seed."""
        ...

    @property
    def models(self) -> Sequence[str]:
        """The models of the whole study, in its order: by their places there they look the same in every figure."""
        ...

    @property
    def told(self) -> Told:
        """What tasks and models said of themselves: words for them, what they can do, what is counted."""
        ...

    @property
    def judged(self) -> frozenset[str]:
        """The tasks that are judged by a measure, and not by their test loss."""
        ...

    def only(self, task: str = "", model: str = "") -> Source:
        """The part of these results that is of a task and a model; themselves where that is all."""
        ...

    def table(self) -> pd.DataFrame:
        """One row per condition."""
        ...

    def trials(self) -> pd.DataFrame:
        """One row per trial."""
        ...

    def span(self) -> pd.DataFrame:
        """The longest length that each model solves."""
        ...

    def growth(self) -> pd.DataFrame:
        """How an epoch's time grows with the length."""
        ...

    def comparisons(self) -> pd.DataFrame:
        """Every pair of models, seed by seed, in one family of tests."""
        ...

    def effects(self) -> pd.DataFrame:
        """One row per level of a factor, against the factor's first."""
        ...

    def measure(self, name: str) -> pd.DataFrame:
        """The table of a measure."""
        ...

    def examination(self, measure: str) -> pd.DataFrame:
        """What a measure found in the trained networks, one row per number."""
        ...

    def quantities(self, name: str) -> Mapping[str, Quantity]:
        """What a measure declares that it stores, by name; nothing where that is not known here."""
        ...

    def histories(self, name: str) -> pd.DataFrame:
        """One history of all trials, one row per value."""
        ...

    def tested(self) -> pd.DataFrame:
        """One row per trial and further length at which it is tested, with baseline and chance there."""
        ...

    def history_names(self) -> Sequence[str]:
        """The names of all histories of these trials."""
        ...

    def thinned(self, name: str, points: int = ..., keys: Sequence[str] | None = ...) -> pd.DataFrame:
        """One row per trial and point of one history, of these trials or all, with at most so many points."""
        ...

    def with_settings(self, frame: pd.DataFrame, settings: Iterable[str]) -> pd.DataFrame:
        """The frame of trials with a column for each of these settings."""
        ...
