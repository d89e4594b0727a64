"""Temporal order against its definition, written here again from the papers.

Planted and found: places that leave out their upper bound; one draw for all relevant symbols; classes numbered from the
last symbol on; an end that always stands at the last step; distractors that may be relevant.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.order import Order
from unroll.testing.tasks import TaskConformance

LETTERS = "XYabcdEB"


class TestOrder(TaskConformance):
    lengths = (10, 23)
    too_short = (9, 1, 0)
    ragged = True

    def task(self, **settings: Any) -> Order:
        return Order(**settings)

    def oracle(self, task: Order, length: int, seen: Any) -> Any:
        text = "".join(LETTERS[symbol] for symbol in seen)
        if task.variant == "hs97":
            assert (text[0], text[-1]) == ("E", "B")
            text = text[1:-1]
        assert not set(text) & set("EB")
        found = [letter for letter in text if letter in "XY"]
        classes = {2: ["XX", "XY", "YX", "YY"], 3: ["XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY"]}
        return classes[task.relevant].index("".join(found))


class TestOrderOfThree(TestOrder):
    def task(self, **settings: Any) -> Order:
        return Order(relevant=3, **settings)


class TestOrderInOneLength(TestOrder):
    ragged = False

    def task(self, **settings: Any) -> Order:
        return Order(variant="pascanu13", **settings)


class TestOrderOfThreeInOneLength(TestOrder):
    ragged = False

    def task(self, **settings: Any) -> Order:
        return Order(variant="pascanu13", relevant=3, **settings)


@pytest.mark.parametrize(
    ("variant", "relevant", "ranges"),
    [
        ("hs97", 2, [(10, 20), (50, 60)]),
        ("hs97", 3, [(10, 20), (33, 43), (66, 76)]),
        ("pascanu13", 2, [(10, 19), (50, 59)]),
        ("pascanu13", 3, [(10, 19), (30, 39), (60, 69)]),
    ],
)
def test_the_relevant_steps_at_a_hundred(variant: str, relevant: int, ranges: list[tuple[int, int]]):
    task = Order(variant=variant, relevant=relevant)
    split = task.sequences(KeyedStreams(1).generator("data"), 4_000, 100)
    end = split.at if split.at is not None else np.full((4_000, 1), 99)
    places = np.nonzero((split.x < 2) & (np.arange(split.x.shape[1]) <= end))[1].reshape(4_000, relevant)
    assert [(column.min(), column.max()) for column in places.T] == ranges
    for column, (low, high) in zip(places.T, ranges, strict=True):
        assert np.bincount(column - low) / 4_000 == pytest.approx([1 / (high - low + 1)] * (high - low + 1), abs=0.02)
    if variant == "hs97":
        assert sorted(set(end.ravel() + 1)) == list(range(100, 111))


@pytest.mark.parametrize("variant", ["hs97", "pascanu13"])
@pytest.mark.parametrize("relevant", [2, 3])
def test_relevant_steps_never_meet(variant: str, relevant: int):
    """Nor do they meet the start and the end, at any length."""
    for length in range(10, 400):
        ranges = Order(variant=variant, relevant=relevant).ranges(length)
        assert ranges[0][0] > 0
        assert all(low < high for low, high in ranges)
        assert all(before[1] <= after[0] for before, after in pairwise(ranges))
        assert ranges[-1][1] <= length - 1


def test_numbers_by_hand():
    assert Order().baseline(100) == pytest.approx(1.3863, abs=5e-5)
    assert Order(relevant=3).baseline(100) == pytest.approx(2.0794, abs=5e-5)
    assert (Order().chance(100), Order(relevant=3).chance(100)) == (0.25, 0.125)
    assert (Order().inputs, Order(variant="pascanu13").inputs) == (8, 6)
