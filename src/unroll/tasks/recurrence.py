"""Sequences whose next term is a fixed linear function of the last few."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from unroll.axes import Float64
from unroll.tasks.numbers import Runs
from unroll.tasks.ranges import next_to
from unroll.tasks.windows import Grid

FOLLOWS = 1e-9
"""How far a prompt may be from a rule, relative to its largest value, and still count as following it."""


class Recurrence(Runs):
    r"""Linear recurrences :math:`x_t = c_1 x_{t-1} + \ldots + c_k x_{t-k} + b`.

    Parameters: k starts, b, and those coefficients that have more than one value.
    """

    @property
    @abstractmethod
    def recurrence(self) -> Grid:
        """The allowed values of each coefficient, the newest term's first."""

    @property
    def constants(self) -> tuple[float, ...]:
        """The allowed values of b."""
        return (0.0,)

    @abstractmethod
    def first_terms(self) -> Grid:
        """Return the allowed values of each of the k first terms."""

    @property
    def rule(self) -> str:
        """See Numbers; what differs from sequence to sequence is a letter."""
        letters = "c" if len(self.recurrence) == 1 else [f"c{lag}" for lag in range(1, len(self.recurrence) + 1)]
        coefficients = [one[0] if len(one) == 1 else name for one, name in zip(self.recurrence, letters, strict=True)]
        return in_words(coefficients, self.constants[0] if len(self.constants) == 1 else "b")

    def grid(self) -> Grid:
        """See Numbers."""
        return (*self.first_terms(), self.constants, *(values for values in self.recurrence if len(values) > 1))

    def beyond(self) -> dict[str, Grid]:
        """Starts ten times larger, starts next to those of training, another step and other coefficients."""
        starts, steps = self.first_terms(), self.constants
        varied = self.grid()[len(starts) + 1 :]
        grids: dict[str, Grid] = {
            "larger": (*(tuple(10 * v for v in values) for values in starts), steps, *varied),
            "starts": (*(next_to(values) for values in starts), steps, *varied),
        }
        if len(steps) > 1 or steps[0]:
            grids["step"] = (*starts, next_to(steps) if len(steps) > 1 else (2 * steps[0],), *varied)
        if varied:
            grids["coefficients"] = (*starts, steps, *map(next_to, varied))
        return grids

    def terms(self, parameters: Float64, n: int, length: int) -> Float64:
        """See Numbers."""
        order = len(self.recurrence)
        varied = iter(parameters[:, order + 1 :].T)
        coefficients = [values[0] if len(values) == 1 else next(varied) for values in self.recurrence]
        return continued(parameters[:, :order], coefficients, parameters[:, order], max(n, order))[:, :n]

    def truth(self, prompt: Float64, n: int, length: int) -> Float64 | None:
        """See Numbers: known where the prompt follows the rule, and says what the rule leaves open."""
        order = len(self.recurrence)
        found = _unknown(prompt, self.recurrence, self.constants)
        if found is None:
            return None
        coefficients, step = found
        followed = continued(prompt[None, :order], coefficients, step, len(prompt))[0]
        if not follows(prompt, followed):
            return None
        return continued(prompt[None, -order:], coefficients, step, order + n)[0, order:]


def continued(starts: Float64, coefficients: Sequence[float | Float64], step: Float64, n: int) -> Float64:
    """Return n terms of recurrences from their first terms, (N, k), and constants, (N,), to (N, n); it may overflow.

    Each coefficient is a number, or one of each sequence, (N,).
    """
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


def in_words(coefficients: Sequence[float | str], constant: float | str = 0.0, symbol: str = "x") -> str:
    """Say a recurrence: "x(t+1) = 2 x(t) - x(t-1) + 2"; the newest term's coefficient comes first. Letters stay."""
    parts: list[tuple[float, str]] = []
    for lag, value in enumerate(coefficients):
        term = f"{symbol}(t)" if lag == 0 else f"{symbol}(t-{lag})"
        if isinstance(value, str):
            parts.append((1.0, f"{value} {term}"))
        elif value:
            parts.append((value, term if abs(value) == 1 else f"{_number(abs(value))} {term}"))
    if isinstance(constant, str):
        parts.append((1.0, constant))
    elif constant or not parts:
        parts.append((constant, _number(abs(constant))))
    said = "".join(f" {'-' if value < 0 else '+'} {text}" for value, text in parts)
    said = said.removeprefix(" + ")
    return f"{symbol}(t+1) = {'-' + said[3:] if said.startswith(' - ') else said}"


def _number(value: float) -> str:
    """Write a coefficient as a whole number, as a fraction, or with four digits."""
    from fractions import Fraction

    near = Fraction(value).limit_denominator(12)
    return str(near) if float(near) == value else f"{value:.4g}"


def _unknown(prompt: Float64, recurrence: Grid, steps: Sequence[float]) -> tuple[list[float], Float64] | None:
    """Return coefficients and constant: those that have one value, and the others as the prompt determines them."""
    order = len(recurrence)
    if len(prompt) < order:
        return None
    allowed = (*recurrence, tuple(steps))
    values = [one[0] for one in allowed]
    free = [place for place, one in enumerate(allowed) if len(one) > 1]
    if free:
        lags = [prompt[order - lag : len(prompt) - lag] for lag in range(1, order + 1)]
        columns = np.stack([*lags, np.ones(len(prompt) - order)], axis=1)
        fixed = [place for place in range(order + 1) if place not in free]
        rest = prompt[order:] - columns[:, fixed] @ np.array([values[place] for place in fixed])
        solution, _, rank, _ = np.linalg.lstsq(columns[:, free], rest, rcond=None)
        if rank < len(free):
            return None
        for place, value in zip(free, solution.tolist(), strict=True):
            values[place] = value
    return values[:order], np.array([values[order]])
