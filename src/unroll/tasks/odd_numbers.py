"""Runs of odd numbers, as in the source notebook."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from unroll.study.settings import LATER
from unroll.tasks.ranges import Ranges, Values, in_range, values_of
from unroll.tasks.recurrence import Recurrence
from unroll.tasks.windows import Grid


class OddNumbers(Recurrence):
    r"""Odd numbers in a row: :math:`x_{t+1} = x_t + 2`, the first one of 1, 3, ..., 13; 5 to 12 terms.

    ``starts`` is the range of the first number, in a list; ``steps`` are the differences that a sequence may have: more
    than one make of it numbers in a row at a distance that has to be found out.
    """

    name = "odd_numbers"
    summary = "runs of odd numbers, to be continued"
    title = "odd numbers"
    in_a_sentence = "odd numbers"
    version = "1"

    min_terms: Annotated[int, Field(ge=1, le=10_000)] = 5
    max_terms: Annotated[int, Field(ge=2, le=10_000)] = 12
    starts: Annotated[Ranges, Field(max_length=1), LATER] = ((1.0, 13.0, 2.0),)
    steps: Annotated[Values, LATER] = (2.0,)

    @property
    def recurrence(self) -> Grid:
        """See Recurrence."""
        return ((1.0,),)

    @property
    def constants(self) -> tuple[float, ...]:
        """See Recurrence."""
        return values_of(self.steps)

    @property
    def prompt(self) -> tuple[float, ...]:
        """The notebook's."""
        return (1.0, 3.0, 5.0, 7.0, 9.0)

    def first_terms(self) -> Grid:
        """See Recurrence."""
        return (in_range(*self.starts[0]),)

    def beyond(self) -> dict[str, Grid]:
        """See Recurrence; the larger starts are odd numbers too."""
        found = super().beyond()
        larger = tuple(10 * start + 1 for start in self.first_terms()[0])
        return {**found, "larger": (larger, *found["larger"][1:])}
