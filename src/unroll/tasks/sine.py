"""Sine waves: a period that has to be found out, and a phase."""

from __future__ import annotations

import math

import numpy as np

from unroll.axes import Float64
from unroll.tasks.numbers import Grid, Runs
from unroll.tasks.recurrence import continued, follows

PERIODS = tuple(float(period) for period in range(6, 17))
UNSEEN_PERIODS = tuple(period + 0.5 for period in PERIODS[:-1])
PHASES = tuple(k / 16 for k in range(16))
UNSEEN_PHASES = tuple((k + 0.5) / 16 for k in range(16))
AMPLITUDES = (0.5, 1.0, 1.5, 2.0, 2.5)
DECIMALS = 12
"""Sines are rounded to so many: a zero that float64 misses by 1e-16 would make nonsense of a ratio to it."""


class Sine(Runs):
    r"""Sine waves :math:`x_t = a \sin(2\pi(t/p + \varphi))`: p of 6 to 16 steps, 16 phases, a of 0.5 to 2.5.

    For each period it is a linear recurrence, :math:`x_{t+1} = 2\cos(2\pi/p)\,x_t - x_{t-1}`; three terms say which.
    """

    name = "sine"
    summary = "sine waves, each of another period, phase and amplitude"
    version = "1"

    @property
    def rule(self) -> str:
        """See Numbers."""
        return "x(t+1) = c x(t) - x(t-1), c = 2 cos(2 pi / period)"

    @property
    def prompt(self) -> tuple[float, ...]:
        """The beginning of a wave of 12 steps."""
        return tuple(math.sin(2 * math.pi * t / 12) for t in range(6))

    def grid(self) -> Grid:
        """See Numbers: period, phase (in periods), amplitude."""
        return PERIODS, PHASES, AMPLITUDES

    def beyond(self) -> dict[str, Grid]:
        """Amplitudes ten times larger, phases and periods between the trained ones."""
        return {
            "larger": (PERIODS, PHASES, tuple(10 * a for a in AMPLITUDES)),
            "starts": (PERIODS, UNSEEN_PHASES, AMPLITUDES),
            "step": (UNSEEN_PERIODS, PHASES, AMPLITUDES),
        }

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers."""
        period, phase, amplitude = (parameters[:, k : k + 1] for k in range(3))
        terms: Float64 = amplitude * np.round(np.sin(2 * np.pi * (np.arange(n) / period + phase)), DECIMALS)
        return terms

    def truth(self, prompt: Float64, n: int) -> Float64 | None:
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
