"""Runs of odd numbers, as in the source notebook."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from unroll.tasks.numbers import Grid
from unroll.tasks.recurrence import Recurrence


class OddNumbers(Recurrence):
    r"""Odd numbers in a row: :math:`x_{t+1} = x_t + 2`, the first one of 1, 3, ..., 13; 5 to 12 terms."""

    name = "odd_numbers"
    summary = "runs of odd numbers, to be continued"
    version = "1"

    min_terms: Annotated[int, Field(ge=1, le=10_000)] = 5
    max_terms: Annotated[int, Field(ge=2, le=10_000)] = 12

    @property
    def recurrence(self) -> tuple[float, ...]:
        """See Recurrence."""
        return (1.0,)

    @property
    def step(self) -> float:
        """See Recurrence."""
        return 2.0

    @property
    def prompt(self) -> tuple[float, ...]:
        """The notebook's."""
        return (1.0, 3.0, 5.0, 7.0, 9.0)

    def first_terms(self) -> Grid:
        """See Recurrence."""
        return (tuple(float(start) for start in range(1, 14, 2)),)

    def beyond(self) -> dict[str, Grid]:
        """See Recurrence; the larger starts are odd numbers too."""
        larger = tuple(10 * start + 1 for start in self.first_terms()[0])
        return {**super().beyond(), "larger": (larger, (self.step,))}
