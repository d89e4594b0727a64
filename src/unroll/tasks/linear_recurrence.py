"""Any linear recurrence."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from unroll.tasks.ranges import Range, Ranges, Values, as_tuples, in_range, values_of
from unroll.tasks.recurrence import Recurrence
from unroll.tasks.windows import Grid

Coefficients = Annotated[Values, Field(max_length=64)]


class LinearRecurrence(Recurrence):
    r"""Sequences with :math:`x_{t+1} = c_1 x_t + c_2 x_{t-1} + \ldots + c_k x_{t-k+1} + b`.

    ``coefficients``: c_1, ..., c_k, the newest term's first; ``constant``: b. Each is a number, or a range [low, high]
    or [low, high, spacing] of what it may be, both ends in it; the spacing is 1 where none is given. ``starts``: for
    each of the k first terms its range. The odd numbers are coefficients [1], constant 2, starts [[1, 13, 2]];
    Fibonacci's are [1, 1], 0, [[0, 2], [1, 3]]. The default gives all evenly growing sequences.
    """

    name = "linear_recurrence"
    summary = "sequences whose next term is a linear function of the last few"
    title = "linear recurrence"
    in_a_sentence = "linear recurrences"
    version = "1"

    coefficients: Coefficients = (2.0, -1.0)
    constant: Annotated[float | Range, BeforeValidator(as_tuples)] = 0.0
    starts: Ranges = ((-5.0, 5.0), (-5.0, 5.0))

    @model_validator(mode="after")
    def _one_start_each(self) -> Self:
        if len(self.coefficients) != len(self.starts):
            raise ValueError(
                f"task.coefficients has {len(self.coefficients)} values and task.starts {len(self.starts)} ranges. "
                "Give one range for each coefficient"
            )
        if 0 in values_of(self.coefficients[-1:]):
            raise ValueError(
                f"the last of task.coefficients = {list(self.coefficients)} is 0: leave it out, and its range of "
                "task.starts"
            )
        return self

    @property
    def recurrence(self) -> Grid:
        """See Recurrence."""
        return tuple(values_of((one,)) for one in self.coefficients)

    @property
    def constants(self) -> tuple[float, ...]:
        """See Recurrence."""
        return values_of((self.constant,))

    @property
    def prompt(self) -> tuple[float, ...]:
        """The beginning of the sequence with the smallest starts, but for the last one, which is the largest."""
        *before, last = self.first_terms()
        start = [*(values[0] for values in before), last[-1], *(values[0] for values in self.grid()[len(before) + 1 :])]
        n = max(6, len(self.recurrence) + 1)
        return tuple(self.terms(np.array([start]), n, n)[0].tolist())

    def first_terms(self) -> Grid:
        """See Recurrence."""
        return tuple(in_range(*start) for start in self.starts)
