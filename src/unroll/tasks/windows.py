"""Sequences drawn, parted and cut into windows, and the windows that occur in two splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unroll.axes import Float64, Int64
from unroll.streams.base import Generator, Streams

if TYPE_CHECKING:
    from unroll.tasks.numbers import Numbers

PARTED = 100_000
"""The most parameter tuples that are told apart; of more, as many are drawn."""
ATTEMPTS = 1_000
"""How often everything is drawn again where a split would be left without a window."""


@dataclass(frozen=True)
class Windows:
    """N windows: ``values`` (N, T + 1), T terms and the next; where they come from and how they are scaled, (N,) each.

    ``ids`` number the parameter tuples, ``offsets`` count the terms before a window, ``scales`` are the divisors.
    """

    values: Float64
    ids: Int64
    offsets: Int64
    scales: Float64

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: Int64) -> Windows:
        """Return the windows at these places."""
        return Windows(self.values[places], self.ids[places], self.offsets[places], self.scales[places])

    def distinct(self) -> Windows:
        """Return each window once, where it occurs first."""
        first = {row: place for place, row in reversed(list(enumerate(self.rows())))}
        return self.take(np.array(sorted(first.values()), dtype=np.int64))

    def rows(self) -> list[bytes]:
        """Return the windows as bytes, to be compared: to 40 binary digits, so rounding makes no two of one."""
        digits, exponents = np.frexp(self.values)
        rounded = np.ldexp(np.round(np.ldexp(digits, 40)), exponents) + 0.0  # a negative zero becomes zero
        return [row.tobytes() for row in rounded]


@dataclass(frozen=True)
class Drawn:
    """The windows of the three splits, and how many were dropped of validation and test."""

    train: Windows
    validation: Windows
    test: Windows
    dropped: Mapping[str, int]


def draw(task: Numbers, streams: Streams, length: int) -> Drawn:
    """Draw the three splits of a task; see ``Numbers``. Raises ValueError where a split cannot be given a window.

    Sequences may be too short for a window, or have none that training does not have, so a split can come out empty;
    then all is drawn again, the parts of the parameter tuples included.
    """
    generators = [streams.generator(name) for name in ("data", "validation", "test")]
    sizes = (task.train, task.validation, task.test)
    for _ in range(ATTEMPTS):
        parts = _parts(task, generators[0])
        train, validation, test = (
            cut(task, *_sequences(task, generator, n, part, length), length)
            for generator, n, part in zip(generators, sizes, parts, strict=True)
        )
        drawn = Drawn(train, validation, test, {"validation": 0, "test": 0})
        if task.split == "parameters":
            drawn = _without_train(drawn)
        kept = (drawn.train, drawn.validation, drawn.test)
        if all(len(windows) or not n for windows, n in zip(kept, sizes, strict=True)):
            return drawn
    raise ValueError(
        f"{task.name} at T = {length}: after {ATTEMPTS:,} draws a split still has no window that does not occur in "
        'training. Ask for more sequences, widen the ranges of the parameters, or set task.split to "none"'
    )


def cut(task: Numbers, ids: Int64, terms: Int64, length: int) -> Windows:
    """Cut sequences, given by the numbers of their parameter tuples and of their terms, into windows, in order."""
    distinct, row = np.unique(ids, return_inverse=True)
    values = task.terms(task.parameters(distinct), task.counts(length)[1], length)
    counts = np.maximum(terms - length, 0)
    sequence = np.repeat(np.arange(len(ids)), counts)
    offsets = np.arange(len(sequence)) - np.repeat(np.cumsum(counts) - counts, counts)
    windows = np.lib.stride_tricks.sliding_window_view(values, length + 1, axis=1)[row[sequence], offsets]
    scales = np.ones(len(ids))
    if task.scale == "whole":
        largest = np.maximum.accumulate(np.abs(values), axis=1)[row, terms - 1]
        scales = np.where(largest == 0, 1.0, largest)
    return Windows(windows, ids[sequence], offsets, scales[sequence])


def some(generator: Generator, tuples: int) -> Int64:
    """Return the numbers of all parameter tuples in random order; of more than ``PARTED``, of as many of them."""
    if tuples <= PARTED:
        return generator.permutation(tuples)
    ids = np.unique(generator.integers(0, tuples, (PARTED,)))
    return ids[generator.permutation(len(ids))]


def _parts(task: Numbers, generator: Generator) -> tuple[Int64 | None, Int64 | None, Int64 | None]:
    """Part the parameter tuples: the numbers of those of training, validation and test; None stands for all."""
    if task.split == "none":
        return None, None, None
    ids = some(generator, task.tuples())
    held = max(1, round(len(ids) / 5))
    return ids[2 * held :], ids[:held], ids[held : 2 * held]


def _sequences(task: Numbers, generator: Generator, n: int, part: Int64 | None, length: int) -> tuple[Int64, Int64]:
    """Draw the parameter tuples and the numbers of terms of n sequences, sequence by sequence as the notebook does."""
    low, high = task.counts(length)
    sizes = [len(values) for values in task.grid()]
    free = [size for size in sizes if size > 1] if part is None else [len(part)]
    drawn = generator.integers(0, np.array([high + 1 - low, *free]), (n, 1 + len(free)))
    terms, columns = low + drawn[:, 0], iter(drawn[:, 1:].T)
    if part is not None:
        return part[next(columns)], terms
    choices = [next(columns) if size > 1 else np.zeros(n, dtype=np.int64) for size in sizes]
    return np.ravel_multi_index(choices, sizes).astype(np.int64), terms


def _without_train(drawn: Drawn) -> Drawn:
    """Drop the windows that occur in training, compared before they are scaled and coded, and count them."""
    known = set(drawn.train.rows())

    def unseen(windows: Windows) -> Windows:
        places = [place for place, row in enumerate(windows.rows()) if row not in known]
        return windows.take(np.array(places, dtype=np.int64))

    validation, test = unseen(drawn.validation), unseen(drawn.test)
    dropped = {
        "validation": len(drawn.validation) - len(validation),
        "test": len(drawn.test) - len(test),
    }
    return Drawn(drawn.train, validation, test, dropped)
