"""What tasks of symbols have in common: ids go in, classes come out."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Annotated, ClassVar

from pydantic import Field

from unroll.tasks.base import MOST_SEQUENCES, NOTHING, Criterion, Task


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


def lettered(place: int, of: int) -> str:
    """Return a letter for a place, or, where there are more than letters, its number."""
    return ascii_lowercase[place] if of <= len(ascii_lowercase) else str(place)


class Scattered(Symbols):
    """Symbols among blanks, and a cue: the ids are the blank 0, the symbols 1 ... K, the cue K + 1."""

    symbols: int

    def written(self, token: int) -> str:
        """See Task: # for the cue."""
        return NOTHING if token == 0 else "#" if token == self.symbols + 1 else str(token)

    def written_answer(self, place: int) -> str:
        """See Task: the same signs."""
        return self.written(place)
