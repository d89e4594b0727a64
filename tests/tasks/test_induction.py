"""Induction against its definition, written here again.

Planted and found: triggers among the random symbols; the first trigger at the step before the second; the last symbol
before the trigger asked for in place of the one after it; places of which the last is never drawn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.induction import Induction
from unroll.testing.tasks import TaskConformance


class TestInduction(TaskConformance):
    lengths = (3, 9)
    too_short = (2, 1, 0)

    def task(self, **settings: Any) -> Induction:
        return Induction(**{"symbols": 5, **settings})

    def oracle(self, task: Induction, length: int, seen: Any) -> Any:
        """Right after one trigger, and at the other."""
        first, last = np.flatnonzero(seen == task.inputs - 1)
        assert last == length - 1
        return seen[first + 1]


def test_the_first_trigger_stands_anywhere():
    x = Induction().sequences(KeyedStreams(1).generator("data"), 20_000, 8).x
    found = (x == 15).mean(axis=0)
    assert found == pytest.approx([1 / 6] * 6 + [0, 1], abs=4 * (1 / 6 / 20_000) ** 0.5)


def test_numbers_by_hand():
    assert Induction().inputs == 16
    assert Induction().baseline(256) == pytest.approx(2.70805)
    memory = Induction().memory(256)
    assert (memory.unit, memory.most) == ("bits", math.log2(15))
