"""Fibonacci-like sequences, as in the source notebook."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from unroll.study.settings import LATER
from unroll.tasks.ranges import Ranges, in_range
from unroll.tasks.recurrence import Recurrence
from unroll.tasks.windows import Grid


class Fibonacci(Recurrence):
    r"""Each term the sum of the two before, :math:`x_{t+1} = x_t + x_{t-1}`; starts 0..2 and 1..3, 6 to 14 terms.

    ``starts``: the ranges of the two first terms.
    """

    name = "fibonacci"
    summary = "sequences whose next term is the sum of the last two"
    title = "Fibonacci"
    in_a_sentence = "Fibonacci sequences"
    version = "1"

    starts: Annotated[Ranges, Field(min_length=2, max_length=2), LATER] = ((0.0, 2.0), (1.0, 3.0))

    @property
    def recurrence(self) -> Grid:
        """See Recurrence."""
        return (1.0,), (1.0,)

    @property
    def prompt(self) -> tuple[float, ...]:
        """The notebook's."""
        return (1.0, 1.0, 2.0, 3.0, 5.0, 8.0)

    def first_terms(self) -> Grid:
        """See Recurrence."""
        return tuple(in_range(*start) for start in self.starts)
