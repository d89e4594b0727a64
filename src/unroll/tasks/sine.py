"""Sine waves: a period that has to be found out, and a phase."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from unroll.axes import Float64
from unroll.study.settings import LATER
from unroll.tasks.numbers import Runs
from unroll.tasks.ranges import Values, between, values_of
from unroll.tasks.recurrence import continued, follows
from unroll.tasks.windows import Grid

PROMPT = (0.0, 0.49999999999999994, 0.8660254037844386, 1.0, 0.8660254037844387, 0.49999999999999994)
"""sin(2 pi t / 12) as float64 numbers, written out: libraries differ in the last digit."""
DECIMALS = 12
"""Sines are rounded to so many: a zero that float64 misses by 1e-16 would make nonsense of a ratio to it."""


class Sine(Runs):
    r"""Sine waves :math:`x_t = a \sin(2\pi(t/p + \varphi))`: p of 6 to 16 steps, 16 phases, a of 0.5 to 2.5.

    For each period it is a linear recurrence, :math:`x_{t+1} = 2\cos(2\pi/p)\,x_t - x_{t-1}`; three terms say which.
    ``periods`` (steps), ``phases`` (in periods) and ``amplitudes``: lists of numbers and of ranges [low, high] or
    [low, high, spacing].
    """

    name = "sine"
    summary = "sine waves, each of another period, phase and amplitude"
    title = "sine"
    in_a_sentence = "sines"
    version = "1"

    periods: Annotated[Values, LATER] = ((6.0, 16.0),)
    phases: Annotated[Values, LATER] = ((0.0, 0.9375, 0.0625),)
    amplitudes: Annotated[Values, LATER] = ((0.5, 2.5, 0.5),)

    @property
    def rule(self) -> str:
        """See Numbers."""
        return "x(t+1) = c x(t) - x(t-1), c = 2 cos(2 pi / period)"

    @property
    def prompt(self) -> tuple[float, ...]:
        """The beginning of a wave of 12 steps."""
        return PROMPT

    def grid(self) -> Grid:
        """See Numbers: period, phase (in periods), amplitude."""
        return values_of(self.periods), values_of(self.phases), values_of(self.amplitudes)

    def beyond(self) -> dict[str, Grid]:
        """Amplitudes ten times larger, phases and periods between the trained ones."""
        periods, phases, amplitudes = self.grid()
        half = (between(phases)[0] - phases[0]) if len(phases) > 1 else 0.5
        return {
            "larger": (periods, phases, tuple(10 * a for a in amplitudes)),
            "starts": (periods, tuple(phase + half for phase in phases), amplitudes),
            "step": (between(periods), phases, amplitudes),
        }

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers."""
        period, phase, amplitude = (parameters[:, k : k + 1] for k in range(3))
        terms: Float64 = amplitude * np.round(np.sin(2 * np.pi * (np.arange(n) / period + phase)), DECIMALS)
        return terms

    def truth(self, prompt: Float64, n: int, length: int) -> Float64 | None:
        """See Numbers: known from three terms on, where they lie on one wave."""
        if len(prompt) < 3 or not prompt[1:-1].any():
            return None
        with np.errstate(all="ignore"):
            middle = 1 + int(np.abs(prompt[1:-1]).argmax())
            c = float((prompt[middle - 1] + prompt[middle + 1]) / prompt[middle])
            none = np.zeros(1)
            if not abs(c) < 2 or not follows(prompt, continued(prompt[None, :2], (c, -1.0), none, len(prompt))[0]):
                return None
        return continued(prompt[None, -2:], (c, -1.0), none, n + 2)[0, 2:]
