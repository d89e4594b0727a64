"""What the report asks of a study's results; ``unroll.reading.Results`` has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from unroll.measures.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis import Finding
    from unroll.quantity import Quantity
    from unroll.store import PlannedTrial


class ReportSource(Source, Protocol):
    """The tables, sentences and facts of a report. See ``unroll.reading.Results`` for what each holds."""

    path: Path
    planned: tuple[PlannedTrial, ...]

    def frozen(self) -> ReportSource:
        """These results as they stand now."""
        ...

    @property
    def notice(self) -> str | None:
        """A sentence where plug-ins have changed."""
        ...

    @property
    def damage(self) -> str | None:
        """A sentence where what is stored is not what was written."""
        ...

    @property
    def counted(self) -> Mapping[str, Quantity]:
        """What is counted beside the test loss, by the names of the metrics."""
        ...

    def findings(self) -> Sequence[Finding]:
        """What was found and what was not, in sentences."""
        ...

    def parameters(self) -> pd.DataFrame:
        """Counts of parameters."""
        ...

    def span(self) -> pd.DataFrame:
        """The longest length that each model solves."""
        ...

    def memory(self) -> pd.DataFrame:
        """Effective memory, of tasks with a law of it."""
        ...

    def growth(self) -> pd.DataFrame:
        """How an epoch's time grows with the length."""
        ...

    def early_stopping(self) -> pd.DataFrame:
        """Where early stopping ended the trainings."""
        ...

    def comparisons(self) -> pd.DataFrame:
        """Every pair of models, seed by seed, in one family of tests."""
        ...

    def missing(self) -> pd.DataFrame:
        """Trials that are not complete, and why."""
        ...
