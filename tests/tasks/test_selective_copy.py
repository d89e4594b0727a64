"""Selective copying against its definition, written here again.

Planted and found: a last symbol that always stands before the first cue, as in one of the field's generators; places
with replacement; places that are not sorted; the field's alphabet of 16 taken for 16 symbols.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.copy import Copy
from unroll.tasks.selective_copy import SelectiveCopy
from unroll.testing.tasks import TaskConformance

N = 20_000


class TestSelectiveCopy(TaskConformance):
    lengths = (1, 7)

    def task(self, **settings: Any) -> SelectiveCopy:
        return SelectiveCopy(**{"items": 4, "symbols": 5, **settings})

    def oracle(self, task: SelectiveCopy, length: int, seen: Any) -> Any:
        """What is no blank comes out in its order: the k-th cue asks for the k-th."""
        kept = [symbol for symbol in seen if symbol not in (0, task.symbols + 1)]
        cues = sum(symbol == task.symbols + 1 for symbol in seen)
        assert len(kept) == task.items
        assert len(seen) == length + task.items + cues
        return kept[cues - 1]

    def asked_for(self, task: SelectiveCopy) -> set[int]:
        return set(range(1, task.symbols + 1))


class TestSpread(TestSelectiveCopy):
    def task(self, **settings: Any) -> SelectiveCopy:
        return super().task(placement="spread", **settings)


def places(task: SelectiveCopy, length: int) -> np.ndarray:
    x = task.sequences(KeyedStreams(3).generator("data"), N, length).x
    return np.nonzero((x > 0) & (x <= task.symbols))[1].reshape(N, task.items)


def test_random_places_are_all_equally_likely_and_different():
    """Each of 8 steps holds one of 3 symbols in 3/8 of the sequences; of the last one too, not in all of them."""
    found = np.bincount(places(SelectiveCopy(items=3), 5).ravel(), minlength=8) / N
    assert found == pytest.approx([3 / 8] * 8, abs=4 * (3 / 8 * 5 / 8 / N) ** 0.5)


def test_spread_places_are_the_same_and_equally_far_apart():
    assert (places(SelectiveCopy(items=3, placement="spread"), 6) == [0, 3, 6]).all()
    assert (places(SelectiveCopy(items=4, placement="spread"), 6) == [0, 2, 5, 7]).all()


def test_in_front_it_is_the_copy_problem():
    mine = SelectiveCopy(symbols=8, items=10, placement="front").sequences(KeyedStreams(2).generator("data"), 50, 9)
    other = Copy(variant="s4", loss="answers").sequences(KeyedStreams(2).generator("data"), 50, 9)
    for name in ("x", "y", "at"):
        assert np.array_equal(getattr(mine, name), getattr(other, name))


def test_numbers_by_hand():
    """An alphabet of 16 with the blank and the cue: 14 symbols, 61 bits in 16 of them."""
    task = SelectiveCopy()
    assert (task.inputs, task.total_steps(4096)) == (16, 4128)
    assert task.baseline(100) == pytest.approx(2.639, abs=5e-4)
    assert task.chance(100) == 1 / 14
    assert round(task.items * math.log2(task.symbols)) == 61
