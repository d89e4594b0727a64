"""NARMA-10: a nonlinear system of order ten, whose output is to be told from its input."""

from __future__ import annotations

from typing import Literal

import numpy as np

from unroll.axes import Float64
from unroll.declarations import Line
from unroll.streams.base import Generator
from unroll.tasks.base import Criterion, Split, Task

ORDER = 10
WASH_OUT = 200
"""Steps before the first one that is shown, so that nothing is left of where the system began."""
UNSCORED = 20
"""Steps at the beginning that are shown and not asked: twice the order, for the inputs before them are not seen."""
VARIANCE = 0.01175
"""Of y at a step: simulated, with a standard error of 0.00002."""
KNOWN = (1.5 * 0.25) ** 2 * 0.25 / 12
"""Of that variance what the current input alone tells: of y_{t+1} only 1.5 u_{t-9} u_t holds it, times 1/4 on average,
and its own variance is 1/48."""
ROWS = 1_024
"""How many sequences are drawn at once; part of what the streams give."""


class Narma(Task):
    r"""The output of the tenth-order system of Atiya and Parlos (2000), from its input.

    .. math:: y_{t+1} = 0.3\, y_t + 0.05\, y_t \sum_{i=0}^{9} y_{t-i} + 1.5\, u_{t-9}\, u_t + 0.1

    u uniform in [0, 0.5). x: (N, T, 1), u; y: (N, T - 20, 1): when u_t is shown, y_{t+1} is asked for, at all steps
    after the first twenty. The system has run 200 steps before them. It can run away: a sequence with \|y\| above 1 is
    drawn again, one in two hundred at T = 100, one in fifty at T = 1,000.

    The network has to multiply the present input with the one nine steps ago, and to follow a slow mean. Always
    answering the mean gives the baseline, the variance of y, 0.01175 (simulated). The field tells the NRMSE, the root
    of the loss over the baseline; it counts as solved below 0.3.

    One code of the field differs by one step in both terms (sums over y_{t-10}, ..., y_{t-1}, and u_{t-10}): another
    system, whose numbers cannot be compared with these.
    """

    name = "narma"
    title = "NARMA-10"
    in_a_sentence = "NARMA-10"
    summary = "a nonlinear system of order ten: its output from its input"
    version = "1"
    tags = ("regression", "system identification")
    sources = ("atiya2000new",)
    pitfalls = (
        "reservoirpy's documentation and code differ by one step, and its order is 30 with other constants.",
        "About one run in ten leaves every bound within 5,000 steps: such sequences are drawn again.",
    )

    @property
    def inputs(self) -> int:
        """The input u."""
        return 1

    @property
    def outputs(self) -> int:
        """The output y."""
        return 1

    @property
    def readout(self) -> Literal["some"]:
        """Every step after the first twenty."""
        return "some"

    @property
    def solved(self) -> Criterion:
        """NRMSE below 0.3: the loss below 9 % of the baseline."""
        return Criterion("test_mse", 0.00106)

    def check_length(self, length: int) -> None:
        """One step more than those that are not asked."""
        if length <= UNSCORED:
            raise ValueError(f"{length} is too short: the first {UNSCORED} steps are not asked, so at least 21 steps")

    def baseline(self, length: int) -> float:
        """The variance of y."""
        return VARIANCE

    @property
    def memoryless(self) -> bool:
        """The current input is a part of the answer."""
        return False

    def second(self, length: int) -> Line:
        """The best answer from the current input alone: a straight line."""
        return Line("current input", "who sees the current input alone", VARIANCE - KNOWN)

    def sequences(self, generator: Generator, n: int, length: int) -> Split:
        """Draw sequences; see Task."""
        x = np.empty((n, length, 1), dtype=np.float32)
        y = np.empty((n, length - UNSCORED, 1), dtype=np.float32)
        for first in range(0, n, ROWS):
            rows = slice(first, first + ROWS)
            u, out = _run(generator, len(x[rows]), length)
            x[rows, :, 0] = u[:, WASH_OUT:]
            y[rows, :, 0] = out[:, WASH_OUT + UNSCORED :]
        at = np.broadcast_to(np.arange(UNSCORED, length, dtype=np.int32), y.shape[:2]).copy()
        return Split(x, y, at=at)


def _run(generator: Generator, n: int, length: int) -> tuple[Float64, Float64]:
    """Return inputs u_t and the outputs y_{t+1} that they lead to, wash-out included, (n, 200 + length) each."""
    u = np.empty((n, WASH_OUT + length))
    y = np.empty_like(u)
    missing = np.arange(n)
    while missing.size:
        drawn = generator.uniform(0.0, 0.5, (missing.size, WASH_OUT + length))
        answers = _respond(drawn)
        stayed = (np.abs(answers) <= 1.0).all(axis=1)
        u[missing[stayed]], y[missing[stayed]] = drawn[stayed], answers[stayed]
        missing = missing[~stayed]
    return u, y


def _respond(u: Float64) -> Float64:
    """Return y_{t+1} for inputs u_t, (n, steps) each, from y = 0 and no input on; what leaves [-1, 1] stays out."""
    n, steps = u.shape
    inputs = np.zeros((steps + ORDER - 1, n))  # step by step, after nine zeros
    inputs[ORDER - 1 :] = u.T
    y = np.zeros((steps + ORDER, n))  # y_t at the row t + 9
    for t in range(steps):
        now = y[t + ORDER - 1]
        total = y[t].copy()
        for before in y[t + 1 : t + ORDER]:  # in this order: no library promises one
            total += before
        following = 0.3 * now + 0.05 * now * total + 1.5 * inputs[t] * inputs[t + ORDER - 1] + 0.1
        y[t + ORDER] = np.where(np.abs(now) > 1.0, 2.0, following)
    return y[ORDER:].T
