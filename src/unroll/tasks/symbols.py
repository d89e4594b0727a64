"""What tasks of symbols have in common: ids go in, classes come out."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from unroll.tasks.base import MOST_SEQUENCES, Criterion, Task


class Symbols(Task):
    """Sequences of symbols, given by their ids, with questions whose answers are classes."""

    tags = ("classification", "long-term memory")
    objective: ClassVar[str] = "cross_entropy"

    validation: Annotated[int, Field(ge=0, le=MOST_SEQUENCES)] = 1_000

    @property
    def tokens(self) -> bool:
        """Symbols, by their ids."""
        return True

    @property
    def solved(self) -> Criterion:
        """More than 99 % of the answers right."""
        return Criterion("test_accuracy", above=0.99)
