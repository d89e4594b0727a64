"""Any linear recurrence."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from unroll.tasks.numbers import Grid
from unroll.tasks.recurrence import Recurrence

MOST_STARTS = 100_000
"""The most values that one start may have."""


def _tuples(value: Any) -> Any:
    """Lists, as JSON has them, become tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _range(bounds: tuple[float, ...]) -> tuple[float, ...]:
    low, high, step = (*bounds, 1.0)[:3]
    if low > high or step <= 0 or (high - low) / step >= MOST_STARTS:
        raise ValueError(
            f"{list(bounds)} is not a range [low, high] or [low, high, step] with low <= high, a step above 0 and "
            f"fewer than {MOST_STARTS:,} values. Correct it"
        )
    return bounds


Coefficients = Annotated[tuple[float, ...], BeforeValidator(_tuples), Field(min_length=1, max_length=64)]
Range = Annotated[tuple[float, ...], Field(min_length=2, max_length=3), AfterValidator(_range)]
Ranges = Annotated[tuple[Range, ...], BeforeValidator(_tuples), Field(min_length=1, max_length=64)]


class LinearRecurrence(Recurrence):
    r"""Sequences with :math:`x_{t+1} = c_1 x_t + c_2 x_{t-1} + \ldots + c_k x_{t-k+1} + b`.

    ``coefficients``: c_1, ..., c_k, the newest term's first; ``constant``: b. ``starts``: for each of the k first terms
    its range [low, high] or [low, high, step], both ends in it; the step is 1 where none is given. The odd numbers are
    coefficients [1], constant 2, starts [[1, 13, 2]]; Fibonacci's are [1, 1], 0, [[0, 2], [1, 3]]. The default gives
    all evenly growing sequences.
    """

    name = "linear_recurrence"
    summary = "sequences whose next term is a linear function of the last few"
    version = "1"

    coefficients: Coefficients = (2.0, -1.0)
    constant: float = 0.0
    starts: Ranges = ((-5.0, 5.0), (-5.0, 5.0))

    @model_validator(mode="after")
    def _one_start_each(self) -> Self:
        if len(self.coefficients) != len(self.starts):
            raise ValueError(
                f"task.coefficients has {len(self.coefficients)} values and task.starts {len(self.starts)} ranges. "
                "Give one range for each coefficient"
            )
        if self.coefficients[-1] == 0:
            raise ValueError(
                f"the last of task.coefficients = {list(self.coefficients)} is 0: leave it out, and its range of "
                "task.starts"
            )
        return self

    @property
    def recurrence(self) -> tuple[float, ...]:
        """See Recurrence."""
        return self.coefficients

    @property
    def step(self) -> float:
        """See Recurrence."""
        return self.constant

    @property
    def prompt(self) -> tuple[float, ...]:
        """The beginning of the sequence with the smallest starts, but for the last one, which is the largest."""
        *before, last = self.first_terms()
        start = [*(values[0] for values in before), last[-1], self.step]
        n = max(6, len(self.recurrence) + 1)
        return tuple(self.terms(np.array([start]), n, n)[0].tolist())

    def first_terms(self) -> Grid:
        """See Recurrence."""
        return tuple(_values(*start) for start in self.starts)


def _values(low: float, high: float, step: float = 1.0) -> tuple[float, ...]:
    return tuple(low + step * k for k in range(math.floor((high - low) / step + 1e-9) + 1))
