"""Fibonacci-like sequences, as in the source notebook."""

from __future__ import annotations

from unroll.tasks.numbers import Grid
from unroll.tasks.recurrence import Recurrence


class Fibonacci(Recurrence):
    r"""Each term the sum of the two before, :math:`x_{t+1} = x_t + x_{t-1}`; starts 0..2 and 1..3, 6 to 14 terms."""

    name = "fibonacci"
    summary = "sequences whose next term is the sum of the last two"
    version = "1"

    @property
    def recurrence(self) -> tuple[float, ...]:
        """See Recurrence."""
        return (1.0, 1.0)

    @property
    def prompt(self) -> tuple[float, ...]:
        """The notebook's."""
        return (1.0, 1.0, 2.0, 3.0, 5.0, 8.0)

    def first_terms(self) -> Grid:
        """See Recurrence."""
        return (0.0, 1.0, 2.0), (1.0, 2.0, 3.0)
