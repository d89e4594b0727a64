"""Parity against its definition, written here again.

Planted and found: the bit in the place of the end counted; padding that is scored; a longest length never drawn; the
parity of all bits at every step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.parity import Parity
from unroll.testing.tasks import TaskConformance


class TestParity(TaskConformance):
    lengths = (1, 9)

    def task(self, **settings: Any) -> Parity:
        return Parity(**settings)

    def oracle(self, task: Parity, length: int, seen: Any) -> Any:
        """One step after the other: a one turns the answer over."""
        odd = False
        for symbol in seen:
            odd = odd != (symbol == 1)
        assert task.ask == "every" or seen[-1] == 2
        return int(odd)


class TestParityOfEverySoFar(TestParity):
    def task(self, **settings: Any) -> Parity:
        return Parity(ask="every", **settings)


class TestParityOfManyLengths(TestParity):
    ragged = True

    def task(self, **settings: Any) -> Parity:
        return Parity(lengths="uniform", **settings)


class TestParityOfEveryAndManyLengths(TestParityOfManyLengths):
    def task(self, **settings: Any) -> Parity:
        return Parity(lengths="uniform", ask="every", **settings)


def test_lengths_are_uniform_from_one_to_the_length():
    split = Parity(lengths="uniform").sequences(KeyedStreams(1).generator("data"), 20_000, 5)
    assert np.bincount(split.at[:, 0], minlength=7) / 20_000 == pytest.approx(
        [0, *[0.2] * 5, 0], abs=4 * (0.2 * 0.8 / 20_000) ** 0.5
    )


def test_numbers_by_hand():
    assert Parity().baseline(40) == pytest.approx(0.6931, abs=5e-5)
    assert Parity().chance(40) == 0.5
    assert Parity(ask="every").memory(40) is None
    memory = Parity().memory(40)
    assert memory is not None
    assert (memory.unit, memory.most) == ("bits", 1.0)
    assert Parity().baseline(1) / math.log(2) == 1.0
