"""What a network sees of windows: their coded inputs, made comparable."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unroll.axes import Int64

DIGITS = 20
"""Binary digits, of the largest code of an input, to which inputs are compared: rounding makes no two of one."""


def rows(inputs: NDArray[Any]) -> list[bytes]:
    """Return coded inputs, (N, T) or (N, T, 1), as bytes: equal just where a network sees the same, in float32.

    The ids of symbols, which are whole numbers, are their own code.
    """
    if not len(inputs):
        return []
    if inputs.dtype.kind in "iu":
        return _as_bytes(inputs.reshape(len(inputs), -1))
    codes = inputs.reshape(len(inputs), -1).astype(np.float32).astype(np.float64)
    digits, exponents = np.frexp(np.abs(codes).max(axis=1, keepdims=True))
    exponents = exponents + (np.round(np.ldexp(digits, DIGITS)) >= 2**DIGITS)  # nearly a power of two is that power
    scaled = np.round(np.ldexp(codes, DIGITS - exponents))
    return _as_bytes(np.ldexp(scaled, exponents - DIGITS) + 0.0)  # a negative zero becomes zero


def first_places(inputs: NDArray[Any]) -> Int64:
    """Return the place at which each different input occurs first, in order."""
    first = {row: place for place, row in reversed(list(enumerate(rows(inputs))))}
    return np.array(sorted(first.values()), dtype=np.int64)


def alike(inputs: NDArray[Any]) -> Int64:
    """Return, for each input, the number of its kind, counted from 0 in the order in which kinds first occur."""
    kinds: dict[bytes, int] = {}
    return np.array([kinds.setdefault(row, len(kinds)) for row in rows(inputs)], dtype=np.int64)


def outside(inputs: NDArray[Any], known: Set[bytes]) -> NDArray[np.bool_]:
    """Return which inputs are none of those known, (N,)."""
    return np.array([row not in known for row in rows(inputs)], dtype=bool)


def _as_bytes(numbers: NDArray[Any]) -> list[bytes]:
    found: list[bytes] = np.ascontiguousarray(numbers).view(f"V{numbers.shape[1] * numbers.itemsize}").ravel().tolist()
    return found
