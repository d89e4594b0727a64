"""Periodic sequences: a pattern of a few levels, again and again."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from unroll.axes import Float64
from unroll.tasks.numbers import Grid, Runs
from unroll.tasks.recurrence import follows

LEVELS = tuple(float(level) for level in (-4, -3, -2, -1, 1, 2, 3, 4))


class Alternating(Runs):
    r"""Patterns of ``period`` levels of ±1 to ±4, repeated: :math:`x_{t+1} = x_{t+1-p}`.

    What comes next was seen p steps ago, and nothing since then says it.
    """

    name = "alternating"
    summary = "patterns of a few levels, repeated"
    version = "1"

    period: Annotated[int, Field(ge=2, le=16)] = 3

    @property
    def rule(self) -> str:
        """See Numbers."""
        return f"x(t+1) = x(t-{self.period - 1})"

    @property
    def prompt(self) -> tuple[float, ...]:
        """Two patterns."""
        pattern = tuple(LEVELS[(5 * k + 3) % len(LEVELS)] for k in range(self.period))
        return pattern * 2

    def grid(self) -> Grid:
        """See Numbers: the levels of the pattern."""
        return (LEVELS,) * self.period

    def beyond(self) -> dict[str, Grid]:
        """Levels ten times larger, and levels of ±5 to ±8."""
        return {
            "larger": (tuple(10 * level for level in LEVELS),) * self.period,
            "starts": (tuple(float(level + 4 * np.sign(level)) for level in LEVELS),) * self.period,
        }

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers."""
        return parameters[:, np.arange(n) % self.period]

    def truth(self, prompt: Float64, n: int) -> Float64 | None:
        """See Numbers: known from a whole pattern on, where it is repeated."""
        p = self.period
        again = prompt[np.arange(len(prompt)) % p] if len(prompt) >= p else None
        if again is None or not follows(prompt, again):
            return None
        return prompt[(len(prompt) + np.arange(n)) % p]
