"""Sequences drawn, parted and cut into windows, so that no split holds inputs that another one holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from unroll.axes import Float32, Float64, Int64
from unroll.streams.base import Generator, Streams
from unroll.streams.keyed import KeyedGenerator
from unroll.tasks.inputs import alike, outside, rows

if TYPE_CHECKING:
    from unroll.tasks.numbers import Numbers

Grid = tuple[tuple[float, ...], ...]
"""The allowed values of each generating parameter."""

PARTED = 100_000
"""The most parameter tuples that are told apart; of more, as many are drawn."""
ATTEMPTS = 1_000
"""How often everything is drawn again where a split would be left without a window."""
FEWEST = 3
"""Fewer different inputs than these cannot be parted into three splits: the code has made a constant of the task."""
AT_FIRST = 100
"""Sequences of which three nearly always begin differently."""
MOST_ROWS = 200_000
"""The most windows that are looked at where sequences begin alike."""
SCALES = 64
"""The most numbers of terms of which they are taken where these scale them."""


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
    """The windows of the three splits, and how many were dropped of each."""

    train: Windows
    validation: Windows
    test: Windows
    dropped: Mapping[str, int]


def draw(task: Numbers, streams: Streams, length: int, prompt: Sequence[float]) -> Drawn:
    """Draw the three splits of a task; see ``Numbers``. Raises ValueError where a split cannot be given a window.

    Sequences may be too short for a window, or have none that another split does not have, so a split can come out
    empty; then all is drawn again, the parts of the parameter tuples included.
    """
    generators = [streams.generator(name) for name in ("data", "validation", "test")]
    sizes = (task.train, task.validation, task.test)
    parted = task.split == "parameters" and not constant(task, length)
    for _ in range(ATTEMPTS):
        parts = _parts(task, generators[0], length)
        train, validation, test = (
            cut(task, *_sequences(task, generator, n, part, length), length)
            for generator, n, part in zip(generators, sizes, parts, strict=True)
        )
        drawn = Drawn(train, validation, test, {"train": 0, "validation": 0, "test": 0})
        if parted:
            drawn = _apart(task, drawn, length, prompt)
        kept = (drawn.train, drawn.validation, drawn.test)
        if all(len(windows) or not n for windows, n in zip(kept, sizes, strict=True)):
            return drawn
    raise ValueError(
        f"{task.name} at T = {length}: after {ATTEMPTS:,} draws a split still has no input, as {task.representation} "
        "codes it, that no other split has. Ask for other numbers of sequences, widen the ranges of the parameters, or "
        'set task.split to "none"'
    )


@lru_cache(maxsize=8)
def beginnings(task: Numbers, length: int) -> frozenset[bytes]:
    """Return with what sequences of the trained range begin, as coded; of more than ``PARTED``, those of a sample."""
    ids = some(KeyedGenerator(0, "range"), task.tuples())
    return frozenset(rows(_first_windows(task, ids, length)))


@lru_cache(maxsize=8)
def constant(task: Numbers, length: int) -> bool:
    """Say whether a task's code leaves fewer than three different inputs of so many steps: nothing to be parted."""
    few = some(KeyedGenerator(0, "range"), task.tuples())[:AT_FIRST]
    if len(set(rows(_first_windows(task, few, length)))) >= FEWEST:
        return False
    low, most = task.counts(length)
    low = max(low, length + 1)
    # By the largest of the whole sequence, the windows of a longer sequence are other inputs.
    terms = np.unique(np.linspace(low, most, SCALES).astype(np.int64)) if task.scale == "whole" else np.array([most])
    ids = some(KeyedGenerator(0, "range"), task.tuples())[: max(1, MOST_ROWS // ((most - length) * len(terms)))]
    found: set[bytes] = set()
    for n in terms:
        found.update(rows(task.inputs_of(cut(task, ids, np.full(len(ids), n), length))))
    return len(found) < FEWEST


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


def chosen(grid: Grid, ids: Int64) -> Float64:
    """Return the parameter tuples of a grid with these numbers, (N,) to (N, P); the last parameter counts fastest."""
    choices = np.unravel_index(ids, [len(values) for values in grid])
    columns = [np.array(values, dtype=np.float64)[choice] for values, choice in zip(grid, choices, strict=True)]
    return np.stack(columns, axis=1)


def some(generator: Generator, tuples: int) -> Int64:
    """Return the numbers of all parameter tuples in random order; of more than ``PARTED``, of as many of them."""
    if tuples <= PARTED:
        return generator.permutation(tuples)
    ids = np.unique(generator.integers(0, tuples, (PARTED,)))
    return ids[generator.permutation(len(ids))]


def _parts(task: Numbers, generator: Generator, length: int) -> tuple[Int64 | None, Int64 | None, Int64 | None]:
    """Part the parameter tuples: the numbers of those of training, validation and test; None stands for all.

    Tuples whose sequences begin alike, as coded, come into the same part.
    """
    if task.split == "none":
        return None, None, None
    ids = some(generator, task.tuples())
    kinds = _kinds(task, length)[ids] if task.tuples() <= PARTED else alike(_first_windows(task, ids, length))
    _, first, kinds = np.unique(kinds, return_index=True, return_inverse=True)
    kinds = np.argsort(np.argsort(first))[kinds]  # counted in the order in which they are drawn
    if len(first) < FEWEST:
        kinds = np.arange(len(ids))
    held = max(1, round((kinds.max() + 1) / 5))
    return ids[kinds >= 2 * held], ids[kinds < held], ids[(kinds >= held) & (kinds < 2 * held)]


@lru_cache(maxsize=8)
def _kinds(task: Numbers, length: int) -> Int64:
    """Return which parameter tuples begin alike, as coded: a number for each kind, by the tuple's own number."""
    return alike(_first_windows(task, np.arange(task.tuples()), length))


def _first_windows(task: Numbers, ids: Int64, length: int) -> Float32:
    """Return the first window of each of these sequences as a network sees it, (N, T)."""
    return task.prompted(task.terms(task.parameters(ids), length, length))


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


def _apart(task: Numbers, drawn: Drawn, length: int, prompt: Sequence[float]) -> Drawn:
    """Drop of training what validation, test and the prompt hold, and of validation what test and the prompt hold."""
    inputs = {name: task.inputs_of(getattr(drawn, name)) for name in ("train", "validation", "test")}
    given = np.asarray(prompt, dtype=np.float64)
    seen = min(length, len(given))  # a prompt shorter than a window is compared with the beginnings of windows
    asked = task.prompted(np.lib.stride_tricks.sliding_window_view(given, seen))
    held, begun = set(rows(inputs["test"])), set(rows(asked))

    def free(name: str) -> Int64:
        return np.flatnonzero(outside(inputs[name], held) & outside(inputs[name][:, :seen], begun))

    validation = free("validation")
    held |= set(rows(inputs["validation"][validation]))
    train = free("train")
    dropped = {
        "train": len(drawn.train) - len(train),
        "validation": len(drawn.validation) - len(validation),
        "test": 0,
    }
    return Drawn(drawn.train.take(train), drawn.validation.take(validation), drawn.test, dropped)
