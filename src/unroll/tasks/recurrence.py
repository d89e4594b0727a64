"""Sequences whose next term is a fixed linear function of the last few."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from unroll.axes import Float64
from unroll.tasks.numbers import Grid, Runs

FOLLOWS = 1e-9
"""How far a prompt may be from a rule, relative to its largest value, and still count as following it."""


class Recurrence(Runs):
    r"""Linear recurrences: :math:`x_t = c_1 x_{t-1} + \ldots + c_k x_{t-k} + b`, parameters: k starts and b."""

    @property
    @abstractmethod
    def recurrence(self) -> tuple[float, ...]:
        """The coefficients, the newest term's first."""

    @property
    def step(self) -> float:
        """The constant b."""
        return 0.0

    @abstractmethod
    def first_terms(self) -> Grid:
        """Return the allowed values of each of the k first terms."""

    @property
    def rule(self) -> str:
        """See Numbers."""
        return in_words(self.recurrence, self.step)

    def grid(self) -> Grid:
        """See Numbers."""
        return (*self.first_terms(), (self.step,))

    def beyond(self) -> dict[str, Grid]:
        """Starts ten times larger, starts next to those of training, and the step doubled where there is one."""
        starts = self.first_terms()
        grids: dict[str, Grid] = {
            "larger": (*(tuple(10 * v for v in values) for values in starts), (self.step,)),
            "starts": (*(_next_to(values) for values in starts), (self.step,)),
        }
        if self.step:
            grids["step"] = (*starts, (2 * self.step,))
        return grids

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers."""
        order = len(self.recurrence)
        return continued(parameters[:, :order], self.recurrence, parameters[:, order], max(n, order))[:, :n]

    def truth(self, prompt: Float64, n: int) -> Float64 | None:
        """See Numbers: known where the prompt has as many terms as the rule looks back, and follows it."""
        order = len(self.recurrence)
        if len(prompt) < order:
            return None
        step = np.array([self.step])
        followed = continued(prompt[None, :order], self.recurrence, step, len(prompt))[0]
        if not follows(prompt, followed):
            return None
        return continued(prompt[None, -order:], self.recurrence, step, order + n)[0, order:]


def continued(starts: Float64, coefficients: Sequence[float], step: Float64, n: int) -> Float64:
    """Return n terms of recurrences from their first terms, (N, k) and constants (N,) to (N, n); it may overflow."""
    order = len(coefficients)
    terms = np.empty((len(starts), n))
    terms[:, :order] = starts
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(order, n):
            terms[:, t] = step
            for lag, coefficient in enumerate(coefficients, start=1):
                terms[:, t] += coefficient * terms[:, t - lag]
    return terms


def follows(prompt: Float64, rule: Float64) -> bool:
    """Say whether a prompt is what its rule gives."""
    return bool(np.abs(prompt - rule).max() <= FOLLOWS * np.abs(prompt).max())


def in_words(coefficients: Sequence[float], constant: float = 0.0, symbol: str = "x") -> str:
    """Say a recurrence: "x(t+1) = 2 x(t) - x(t-1) + 2"; the newest term's coefficient comes first."""
    parts = []
    for lag, value in enumerate(coefficients):
        term = f"{symbol}(t)" if lag == 0 else f"{symbol}(t-{lag})"
        if value:
            parts.append((value, term if abs(value) == 1 else f"{_number(abs(value))} {term}"))
    if constant or not parts:
        parts.append((constant, _number(abs(constant))))
    said = "".join(f" {'-' if value < 0 else '+'} {text}" for value, text in parts)
    said = said.removeprefix(" + ")
    return f"{symbol}(t+1) = {'-' + said[3:] if said.startswith(' - ') else said}"


def _number(value: float) -> str:
    """Write a coefficient as a whole number, as a fraction, or with four digits."""
    from fractions import Fraction

    near = Fraction(value).limit_denominator(12)
    return str(near) if float(near) == value else f"{value:.4g}"


def _next_to(values: Sequence[float]) -> tuple[float, ...]:
    """Return as many values as there are, continuing them at their own spacing."""
    spacing = values[-1] - values[-2] if len(values) > 1 else 1.0
    return tuple(values[-1] + spacing * k for k in range(1, len(values) + 1))
