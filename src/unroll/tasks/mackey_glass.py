"""The Mackey-Glass equation: a chaotic series that is to be foretold."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from unroll.axes import Float64
from unroll.declarations import Line
from unroll.streams.base import Generator
from unroll.tasks.base import Criterion, Split, Task

DELAY = 17
SUBSTEPS = 10
"""Of the solver, in a unit of time."""
WASH_OUT = 1_000
PHASES = 100
"""How many units more or less a sequence begins later, so that no position tells the phase."""
VARIANCE = 0.05115
"""Of the series at a step: simulated, with a standard error of 0.00003."""
LINEAR = {1: 0.001084, 6: 0.0286, 84: 0.0443}
"""The loss of the best straight line of the current value, by how far ahead: simulated, within one per cent."""
ROWS = 64
"""How many sequences are solved at once: what a delay of them needs stays in the cache."""
STEPS = DELAY * SUBSTEPS

# One step of classical Runge-Kutta, h long, for dx/dt = P(t) - c x with P known: as the decay is linear, its four
# slopes come to x(t + h) = k x(t) + b P(t) + m P(t + h/2) + e P(t + h), with z = c h. So k steps later the value is k
# times as often what it was, and of each P in between the powers of k that are left.
_H = 1.0 / SUBSTEPS
_Z = 0.1 * _H
_KEPT = 1.0 - _Z + _Z * _Z / 2 - _Z * _Z * _Z / 6 + _Z * _Z * _Z * _Z / 24
_POWERS = np.cumprod(np.full((STEPS, 1), _KEPT), axis=0)
BEGIN = 0.2 * (_H / 6 * (1.0 - _Z + _Z * _Z / 2 - _Z * _Z * _Z / 4)) / _POWERS
MIDDLE = 0.2 * (_H / 6 * (4.0 - 2 * _Z + _Z * _Z / 2)) / _POWERS
END = 0.2 * (_H / 6) / _POWERS


class MackeyGlass(Task):
    r"""The value of a chaotic series, ``ahead`` steps before it comes.

    .. math:: \frac{dx}{dt} = \frac{0.2\, x(t - 17)}{1 + x(t - 17)^{10}} - 0.1\, x(t)

    Mackey and Glass (1977), with a delay of 17. Solved by classical Runge-Kutta with h = 0.1, the delayed value between
    two steps being the mean of them; one value a unit of time. Before t = 0 the value is one number, 1.2 + 0.1 v with v
    uniform in [-1, 1); 1,000 units and a whole number of 0 to 99 more, each as likely, pass before the first value is
    shown. Without the latter all sequences keep one phase, and the step alone would tell a part of the answer.

    x: (N, T, 1), the values as they are; y: (N, T, 1), at each step the value ``ahead`` (1; the field also asks for 84)
    units later. Always answering the mean gives the baseline, the variance at a step, 0.05115 (simulated). One step
    ahead the last value again is already much better: compare with the model ``persistence``. The field tells the
    NRMSE, the root of the loss over the baseline; below 0.05 it counts as solved.

    The step matters: with h = 1, the default of one library, it is another series. Echo state networks were made known
    by it (Jaeger and Haas 2004).
    """

    name = "mackey_glass"
    title = "Mackey-Glass"
    in_a_sentence = "the Mackey-Glass series"
    summary = "a chaotic series: the value to come, at every step"
    version = "1"
    tags = ("regression", "forecasting", "chaos")
    sources = ("mackey1977oscillation", "jaeger2004harnessing")
    pitfalls = (
        (
            "With h = 1, one library's default, it is another series; with any other h that library "
            "solves another equation."
        ),
        "Sequences that all begin at the same phase tell it by the step.",
    )

    ahead: Annotated[int, Field(ge=1, le=1_000)] = 1

    @property
    def inputs(self) -> int:
        """x(t)."""
        return 1

    @property
    def outputs(self) -> int:
        """A later x."""
        return 1

    @property
    def readout(self) -> Literal["every"]:
        """Every step."""
        return "every"

    @property
    def solved(self) -> Criterion:
        """NRMSE below 0.05: the loss below 0.25 % of the baseline."""
        return Criterion("test_mse", 0.000128)

    @property
    def notes(self) -> str:
        """How far ahead."""
        return f"{self.ahead} ahead"

    def baseline(self, length: int) -> float:
        """The variance of the series."""
        return VARIANCE

    @property
    def memoryless(self) -> bool:
        """The current value is near to the next."""
        return False

    def second(self, length: int) -> Line | None:
        """A straight line of the current value, where it was simulated: 1, 6 and 84 ahead."""
        if self.ahead not in LINEAR:
            return None
        words = "who sees the current value alone, and answers with a straight line of it"
        return Line("current value", words, LINEAR[self.ahead])

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        start = 1.2 + 0.1 * generator.uniform(-1.0, 1.0, (n,))
        first = WASH_OUT + generator.integers(0, PHASES, (n,))
        shown = length + self.ahead
        series = np.empty((n, shown), dtype=np.float32)
        for row in range(0, n, ROWS):
            rows = slice(row, row + ROWS)
            values = _solve(start[rows], WASH_OUT + PHASES - 1 + shown)
            units = first[rows, None] + np.arange(shown)
            series[rows] = values[units, np.arange(len(units))[:, None]]
        x, y = series[:, :length], series[:, self.ahead :]
        return Split(np.ascontiguousarray(x)[:, :, None], np.ascontiguousarray(y)[:, :, None])


def _solve(start: Float64, units: int) -> Float64:
    """Return x at t = 0, 1, ..., units - 1 for each beginning, (units, N).

    Within a delay all that the equation takes from the past is known before: so a whole delay is solved at once.
    """
    values = np.empty((units, len(start)))
    past = np.broadcast_to(start, (STEPS + 1, len(start))).copy()  # x from t - 17 to t
    for first in range(0, units, DELAY):
        at_steps = _production(past)
        gained = _production((past[:-1] + past[1:]) * 0.5)
        gained *= MIDDLE
        at_end = at_steps[1:] * END
        gained += at_end
        np.multiply(at_steps[:-1], BEGIN, out=at_end)
        gained += at_end
        past[0] = past[-1]
        np.cumsum(gained, axis=0, out=past[1:])
        past[1:] += past[0]
        past[1:] *= _POWERS
        kept = past[:-1:SUBSTEPS][: units - first]
        values[first : first + len(kept)] = kept
    return values


def _production(x: Float64) -> Float64:
    """Return x / (1 + x^10), with the power as products."""
    square = x * x
    power = square * square
    power *= power
    power *= square
    power += 1.0
    produced: Float64 = np.divide(x, power, out=power)
    return produced
