"""Periodic sequences: a pattern of a few levels, again and again."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from unroll.axes import Float64
from unroll.study.settings import LATER
from unroll.tasks.numbers import Runs
from unroll.tasks.ranges import Values, outwards, values_of
from unroll.tasks.recurrence import follows
from unroll.tasks.windows import Grid


class Alternating(Runs):
    r"""Patterns of ``period`` levels of ±1 to ±4, repeated: :math:`x_{t+1} = x_{t+1-p}`.

    What comes next was seen p steps ago, and nothing since then says it. ``levels``: a list of numbers and of ranges
    [low, high] or [low, high, spacing].
    """

    name = "alternating"
    summary = "patterns of a few levels, repeated"
    title = "alternating"
    in_a_sentence = "alternating patterns"
    version = "1"

    period: Annotated[int, Field(ge=2, le=16)] = 3
    levels: Annotated[Values, LATER] = ((-4.0, -1.0), (1.0, 4.0))

    @property
    def rule(self) -> str:
        """See Numbers."""
        return f"x(t+1) = x(t-{self.period - 1})"

    @property
    def prompt(self) -> tuple[float, ...]:
        """Two patterns."""
        levels = values_of(self.levels)
        pattern = tuple(levels[(5 * k + 3) % len(levels)] for k in range(self.period))
        return pattern * 2

    def grid(self) -> Grid:
        """See Numbers: the levels of the pattern."""
        return (values_of(self.levels),) * self.period

    def beyond(self) -> dict[str, Grid]:
        """Levels ten times larger, and levels further from zero."""
        levels = values_of(self.levels)
        return {
            "larger": (tuple(10 * level for level in levels),) * self.period,
            "starts": (outwards(levels),) * self.period,
        }

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers."""
        return parameters[:, np.arange(n) % self.period]

    def truth(self, prompt: Float64, n: int, length: int) -> Float64 | None:
        """See Numbers: known from a whole pattern on, where it is repeated."""
        p = self.period
        again = prompt[np.arange(len(prompt)) % p] if len(prompt) >= p else None
        if again is None or not follows(prompt, again):
            return None
        return prompt[(len(prompt) + np.arange(n)) % p]
