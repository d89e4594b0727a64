"""Sequences whose next term is a fixed linear function of the last few."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from fractions import Fraction

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
        """Starts ten times larger, starts next to those of training, another constant and other coefficients."""
        starts, constants = self.first_terms(), self.constants
        varied = self.grid()[len(starts) + 1 :]
        grids: dict[str, Grid] = {
            "larger": (*(tuple(10 * v for v in values) for values in starts), constants, *varied),
            "starts": (*(next_to(values) for values in starts), constants, *varied),
        }
        if len(constants) > 1 or constants[0]:
            grids["step"] = (*starts, next_to(constants) if len(constants) > 1 else (2 * constants[0],), *varied)
        if varied:
            grids["coefficients"] = (*starts, constants, *map(next_to, varied))
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
        coefficients, constant = found
        followed = continued(prompt[None, :order], coefficients, constant, len(prompt))[0]
        if not follows(prompt, followed):
            return None
        return continued(prompt[None, -order:], coefficients, constant, order + n)[0, order:]


def continued(starts: Float64, coefficients: Sequence[float | Float64], constant: Float64, n: int) -> Float64:
    """Return n terms of recurrences from their first terms, (N, k), and constants, (N,), to (N, n); it may overflow.

    Each coefficient is a number, or one of each sequence, (N,).
    """
    order = len(coefficients)
    terms = np.empty((len(starts), n))
    terms[:, :order] = starts
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(order, n):
            terms[:, t] = constant
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
    near = Fraction(value).limit_denominator(12)
    return str(near) if float(near) == value else f"{value:.4g}"


def _unknown(prompt: Float64, recurrence: Grid, constants: Sequence[float]) -> tuple[list[float], Float64] | None:
    """Return coefficients and constant: those that have one value, and the others as the prompt determines them."""
    order = len(recurrence)
    if len(prompt) < order:
        return None
    allowed = (*recurrence, tuple(constants))
    values = [one[0] for one in allowed]
    free = [place for place, one in enumerate(allowed) if len(one) > 1]
    if free:
        lags = [prompt[order - lag : len(prompt) - lag] for lag in range(1, order + 1)]
        columns = [_exactly(column) for column in (*lags, np.ones(len(prompt) - order))]
        rest = _exactly(prompt[order:])
        for place, value in enumerate(values):
            if place not in free:
                rest = [one - Fraction(value) * other for one, other in zip(rest, columns[place], strict=True)]
        solution = _least_squares([columns[place] for place in free], rest)
        if solution is None:
            return None
        for place, found in zip(free, solution, strict=True):
            values[place] = found
    return values[:order], np.array([values[order]])


def _exactly(values: Float64) -> list[Fraction]:
    return [Fraction(value) for value in values.tolist()]


def _least_squares(columns: list[list[Fraction]], rest: list[Fraction]) -> list[float] | None:
    """Return by what columns are multiplied so that their sum is nearest to ``rest``.

    None where several do as well, or where it leaves the range of numbers.

    In fractions, rounded at the end: libraries differ in the last bits. What is left of a column beside those taken
    before it counts as nothing where it is as small as rounding has made the numbers themselves.
    """
    left = [[_dot(one, other) for other in (*columns, rest)] for one in columns]
    smallest = (max(len(columns), len(rest)) * Fraction(np.finfo(np.float64).eps)) ** 2
    order: list[int] = []
    first = Fraction(0)
    for _ in columns:
        place = max((place for place in range(len(columns)) if place not in order), key=lambda one: left[one][one])
        pivot = left[place][place]
        first = first or pivot
        if pivot <= smallest * first:
            return None
        order.append(place)
        left[place] = [one / pivot for one in left[place]]
        for other, row in enumerate(left):
            if other != place:
                left[other] = [one - row[place] * taken for one, taken in zip(row, left[place], strict=True)]
    try:
        return [float(row[-1]) for row in left]
    except OverflowError:
        return None


def _dot(one: list[Fraction], other: list[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(one, other, strict=True)), Fraction(0))
