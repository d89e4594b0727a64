"""The sequences that generation is measured on: like those of training, later in them, and beyond their range."""

from __future__ import annotations

import math
from collections.abc import Set
from typing import TYPE_CHECKING

import numpy as np

from unroll.axes import Float64, Int64
from unroll.streams.base import Generator
from unroll.tasks.inputs import first_places, outside, rows
from unroll.tasks.windows import Drawn, beginnings, chosen, constant, some

if TYPE_CHECKING:
    from unroll.tasks.numbers import Numbers

MEASURED = 200
"""The most sequences of one regime."""
AT_FIRST = 2_000
"""Sequences that are looked at first when a regime is chosen."""


def unseen(task: Numbers, drawn: Drawn, generator: Generator, length: int, n: int) -> dict[str, Float64]:
    """Return n terms of sequences of which a network has seen no first window, as coded, and of which no two are alike.

    Beyond the trained range there is also none that, as coded, begins like a sequence of the range. Where the code
    makes a constant of the task, those within it are kept as they are.
    """
    trained = set(rows(task.inputs_of(drawn.train)))
    nothing_new = constant(task, length)
    known = trained | beginnings(task, length)
    found: dict[str, Float64] = {}
    for name, windows in (("validation", drawn.validation), ("within", drawn.test)):
        windows = windows.take(generator.permutation(len(windows)))
        places = _new(task, windows.values[:, :length], set() if nothing_new else trained)
        found[name] = _onwards(task, windows.ids[places], windows.offsets[places], n, length)
    ends = np.unique(drawn.test.ids)
    ends = ends[generator.permutation(len(ends))]
    later = _onwards(task, ends, np.full(len(ends), task.counts(length)[1]), n, length)
    found["longer"] = later[_new(task, later[:, :length], known)]
    for name, grid in task.beyond().items():
        ids = some(generator, math.prod(len(values) for values in grid))
        for most in (AT_FIRST, len(ids)):  # more are rarely needed
            places = _new(task, task.terms(chosen(grid, ids[:most]), length, length), known)
            if len(places) == MEASURED:
                break
        found[name] = task.terms(chosen(grid, ids[places]), n, length)
    return {name: finite(values) for name, values in found.items()}


def freely(task: Numbers, drawn: Drawn, generator: Generator, length: int, n: int) -> dict[str, Float64]:
    """Return n terms of sequences as they are drawn, whether training has seen them or not."""
    found: dict[str, Float64] = {}
    for name, windows in (("validation", drawn.validation.distinct()), ("within", drawn.test.distinct())):
        if len(windows):
            places = generator.permutation(len(windows))[:MEASURED]
            found[name] = _onwards(task, windows.ids[places], windows.offsets[places], n, length)
    ends = np.unique(drawn.test.ids)
    ends = ends[generator.permutation(len(ends))[:MEASURED]]
    found["longer"] = _onwards(task, ends, np.full(len(ends), task.counts(length)[1]), n, length)
    for name, grid in task.beyond().items():
        ids = some(generator, math.prod(len(values) for values in grid))[:MEASURED]
        found[name] = task.terms(chosen(grid, ids), n, length)
    return {name: finite(values) for name, values in found.items()}


def finite(values: Float64) -> Float64:
    """Cut all rows before the first column in which one leaves 1e300."""
    out = np.flatnonzero(~(np.abs(values) < 1e300).all(axis=0))
    return values[:, : out[0]] if len(out) else values


def _new(task: Numbers, prompts: Float64, known: Set[bytes]) -> Int64:
    """Return the places of the first 200 prompts that are not known, and not there already."""
    if not len(prompts):
        return np.empty(0, dtype=np.int64)
    inputs = task.prompted(prompts)
    places = first_places(inputs)
    return places[outside(inputs[places], known)][:MEASURED]


def _onwards(task: Numbers, ids: Int64, offsets: Int64, n: int, length: int) -> Float64:
    """Return n terms of sequences from these offsets on."""
    if not len(ids):
        return np.empty((0, n))
    terms = task.terms(task.parameters(ids), int(offsets.max()) + n, length)
    return finite(np.take_along_axis(terms, offsets[:, None] + np.arange(n), axis=1))
