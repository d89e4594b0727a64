"""What the report asks of a study's results; ``unroll.reading.Results`` has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from unroll.measures.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from unroll.analysis import Finding
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

    def only(self, task: str = "", model: str = "") -> ReportSource:
        """The part of these results that is of a task and a model; itself where that is all."""
        ...

    def findings(self) -> Sequence[Finding]:
        """What was found and what was not, in sentences."""
        ...

    def missing(self) -> pd.DataFrame:
        """Trials that are not complete, and why."""
        ...
