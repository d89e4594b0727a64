"""How numbers are put before a network: four codes that look only back and can be undone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unroll.axes import Float64
from unroll.study.plug_in import Level


@dataclass(frozen=True)
class Past:
    """All that a code remembers of N sequences so far: the newest value and the largest absolute one, (N,) each."""

    last: Float64
    largest: Float64

    def then(self, values: Float64) -> Past:
        """Return the past after one value more of each sequence, (N,)."""
        return Past(values, np.maximum(self.largest, np.abs(values)))


class Representation(ABC):
    r"""A code :math:`u_t = f(x_t; x_0 \ldots x_{t-1})` of numbers, and its inverse in :math:`x_t`.

    A network is given u and learns the next u, so what it puts out is what it is fed next. Nothing of the future enters
    a code, a step costs constant memory, and ``decode`` undoes ``encode`` up to the rounding of float64.
    """

    name: ClassVar[str]
    level: ClassVar[Level]
    """What it is called."""

    def encode(self, values: Float64) -> Float64:
        """Return the codes of whole sequences, (N, n) to (N, n)."""
        largest = np.maximum.accumulate(np.abs(values), axis=1)
        codes = np.empty_like(values, dtype=np.float64)
        codes[:, :1] = self.first(values[:, :1])
        codes[:, 1:] = self.code(values[:, 1:], Past(values[:, :-1], largest[:, :-1]))
        return codes

    def start(self, values: Float64) -> Past:
        """Return the past after the given beginnings, (N, n) with n at least 1."""
        return Past(values[:, -1].astype(np.float64), np.abs(values).max(axis=1).astype(np.float64))

    def decode(self, codes: Float64, past: Past) -> tuple[Float64, Past]:
        """Return the values that the next codes stand for, (N,) to (N,), and the past with these values in it."""
        values = self.value(codes, past)
        return values, past.then(values)

    @abstractmethod
    def first(self, values: Float64) -> Float64:
        """Return the codes of values that have no past."""

    @abstractmethod
    def code(self, values: Float64, past: Past) -> Float64:
        """Return the codes of values, given the past of each."""

    @abstractmethod
    def value(self, codes: Float64, past: Past) -> Float64:
        """Return the values of codes, given the past of each: the inverse of ``code``."""


class Raw(Representation):
    """The number itself."""

    name = "raw"
    level = Level("raw", "raw numbers")

    def first(self, values: Float64) -> Float64:
        """See Representation."""
        return values

    def code(self, values: Float64, past: Past) -> Float64:
        """See Representation."""
        return values

    def value(self, codes: Float64, past: Past) -> Float64:
        """See Representation."""
        return codes


class Difference(Representation):
    r"""The step from the value before: :math:`u_t = x_t - x_{t-1}`, and :math:`u_0 = 0`."""

    name = "difference"
    level = Level("differences", "differences")

    def first(self, values: Float64) -> Float64:
        """See Representation."""
        return np.zeros_like(values)

    def code(self, values: Float64, past: Past) -> Float64:
        """See Representation."""
        return values - past.last

    def value(self, codes: Float64, past: Past) -> Float64:
        """See Representation."""
        return past.last + codes


class LastValue(Representation):
    r"""The step relative to the value before: :math:`u_t = (x_t - x_{t-1}) / |x_{t-1}|`, and :math:`u_0 = 0`.

    After a zero, the divisor is 1.
    """

    name = "last_value"
    level = Level("relative steps", "steps relative to the last value")

    def first(self, values: Float64) -> Float64:
        """See Representation."""
        return np.zeros_like(values)

    def code(self, values: Float64, past: Past) -> Float64:
        """See Representation."""
        return (values - past.last) / _divisor(past.last)

    def value(self, codes: Float64, past: Past) -> Float64:
        """See Representation."""
        return past.last + codes * _divisor(past.last)


class PrefixMax(Representation):
    r"""The value relative to the largest before it: :math:`u_t = x_t / \max_{s<t} |x_s|`; :math:`u_0` is the sign.

    As long as everything was zero, the divisor is 1.
    """

    name = "prefix_max"
    level = Level("relative to largest", "values relative to the largest so far")

    def first(self, values: Float64) -> Float64:
        """See Representation."""
        return np.sign(values)

    def code(self, values: Float64, past: Past) -> Float64:
        """See Representation."""
        return values / _divisor(past.largest)

    def value(self, codes: Float64, past: Past) -> Float64:
        """See Representation."""
        return codes * _divisor(past.largest)


REPRESENTATIONS: dict[str, Representation] = {
    code.name: code for code in (Raw(), PrefixMax(), LastValue(), Difference())
}


def _divisor(values: Float64) -> Float64:
    return np.where(values == 0, 1.0, np.abs(values))
