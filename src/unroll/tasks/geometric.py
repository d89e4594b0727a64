"""Geometric sequences: each term the one before, times a ratio that has to be found out."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from unroll.axes import Float64
from unroll.exact import powers
from unroll.study.settings import LATER
from unroll.tasks.numbers import Runs
from unroll.tasks.ranges import Values, between, outwards, values_of
from unroll.tasks.recurrence import follows
from unroll.tasks.windows import Grid

RATIOS = (0.5, 0.6, 0.75, 0.8, 0.9, 1.1, 1.2, 1.25, 1.5, 1.75, 2.0)
UNSEEN_RATIOS = (0.55, 0.7, 0.85, 1.15, 1.35, 1.6, 1.9)


class Geometric(Runs):
    r"""Sequences with :math:`x_{t+1} = r\,x_t`: the start of ±1 to ±5, the ratio r one of eleven from 1/2 to 2.

    Two neighbouring terms say the ratio, so two values of memory are enough. ``starts`` and ``ratios``: lists of
    numbers and of ranges [low, high] or [low, high, spacing].
    """

    name = "geometric"
    summary = "sequences with a constant ratio, another one in each"
    title = "geometric"
    in_a_sentence = "geometric sequences"
    version = "1"

    starts: Annotated[Values, LATER] = ((-5.0, -1.0), (1.0, 5.0))
    ratios: Annotated[Values, LATER] = RATIOS

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
        return values_of(self.starts), values_of(self.ratios)

    def beyond(self) -> dict[str, Grid]:
        """Starts ten times larger, starts further from zero, and ratios between the trained ones."""
        starts, ratios = self.grid()
        return {
            "larger": (tuple(10 * start for start in starts), ratios),
            "starts": (outwards(starts), ratios),
            "step": (starts, UNSEEN_RATIOS if ratios == RATIOS else between(ratios)),
        }

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers."""
        with np.errstate(over="ignore"):
            terms: Float64 = parameters[:, :1] * powers(parameters[:, 1], n)
        return terms

    def truth(self, prompt: Float64, n: int, length: int) -> Float64 | None:
        """See Numbers: known from two terms on, the first not zero, where all have one ratio."""
        if len(prompt) < 2 or prompt[0] == 0:
            return None
        with np.errstate(all="ignore"):
            ratio = prompt[1] / prompt[0]
            if not follows(prompt, prompt[0] * powers(ratio, len(prompt))):
                return None
            terms: Float64 = prompt[-1] * powers(ratio, n + 1)[1:]
        return terms
