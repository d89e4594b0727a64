"""Geometric sequences: each term the one before, times a ratio that has to be found out."""

from __future__ import annotations

import numpy as np

from unroll.axes import Float64
from unroll.tasks.numbers import Grid, Runs
from unroll.tasks.recurrence import follows

RATIOS = (0.5, 0.6, 0.75, 0.8, 0.9, 1.1, 1.2, 1.25, 1.5, 1.75, 2.0)
UNSEEN_RATIOS = (0.55, 0.7, 0.85, 1.15, 1.35, 1.6, 1.9)
STARTS = tuple(float(start) for start in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5))


class Geometric(Runs):
    r"""Sequences with :math:`x_{t+1} = r\,x_t`: the start of ±1 to ±5, the ratio r one of eleven from 1/2 to 2.

    Two neighbouring terms say the ratio, so two values of memory are enough.
    """

    name = "geometric"
    summary = "sequences with a constant ratio, another one in each"
    version = "1"

    @property
    def rule(self) -> str:
        """See Numbers."""
        return "x(t+1) = r x(t), r = x(1) / x(0)"

    @property
    def prompt(self) -> tuple[float, ...]:
        """The powers of two."""
        return (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)

    def grid(self) -> Grid:
        """See Numbers: start and ratio."""
        return STARTS, RATIOS

    def beyond(self) -> dict[str, Grid]:
        """Starts ten times larger, starts of ±6 to ±10, and ratios between the trained ones."""
        return {
            "larger": (tuple(10 * start for start in STARTS), RATIOS),
            "starts": (tuple(start + 5 * np.sign(start) for start in STARTS), RATIOS),
            "step": (STARTS, UNSEEN_RATIOS),
        }

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers."""
        with np.errstate(over="ignore"):
            terms: Float64 = parameters[:, :1] * parameters[:, 1:] ** np.arange(n)
        return terms

    def truth(self, prompt: Float64, n: int) -> Float64 | None:
        """See Numbers: known from two terms on, the first not zero, where all have one ratio."""
        if len(prompt) < 2 or prompt[0] == 0:
            return None
        with np.errstate(all="ignore"):
            ratio = prompt[1] / prompt[0]
            if not follows(prompt, prompt[0] * ratio ** np.arange(len(prompt))):
                return None
            terms: Float64 = prompt[-1] * ratio ** np.arange(1, n + 1)
        return terms
