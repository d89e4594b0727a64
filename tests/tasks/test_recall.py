"""Associative recall against its definition, written here again, and the bag of values by going through all of them.

Planted and found: keys with replacement; fillers that are keys of the sequence, as in the reference code; queries with
replacement, so that one hides another; answers in the order of the pairs, not of the queries; the weights of the slots
turned round; an alphabet that does not know the last value; a bag that does not count the value asked for.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from unroll.streams import KeyedStreams
from unroll.tasks.recall import Recall
from unroll.testing.tasks import TaskConformance

N = 20_000


class TestRecallOfOne(TaskConformance):
    lengths = (1, 7)

    def task(self, **settings: Any) -> Recall:
        return Recall(**{"pairs": 3, "keys": 6, "values": 5, **settings})

    def oracle(self, task: Recall, length: int, seen: Any) -> Any:
        pairs = dict(zip(seen[0 : 2 * task.pairs : 2], seen[1 : 2 * task.pairs : 2], strict=True))
        assert len(pairs) == task.pairs
        assert all(1 <= key <= task.keys < value < task.inputs for key, value in pairs.items())
        return pairs[seen[-1]] - task.keys - 1


class TestRecallOfMany(TestRecallOfOne):
    lengths = (12, 20)
    too_short = (10, 13, 0, -1)

    def task(self, **settings: Any) -> Recall:
        return super().task(queries="many", **settings)


class TestRecallAmongOthers(TestRecallOfMany):
    def task(self, **settings: Any) -> Recall:
        return super().task(fill="random", gap="uniform", **settings)


def test_every_key_comes_once_more_and_nothing_else_looks_like_a_query():
    for fill in ("blank", "random"):
        task = Recall(queries="many", pairs=3, keys=6, values=5, fill=fill)
        split = task.sequences(KeyedStreams(1).generator("data"), 2_000, 20)
        for x, y, at in zip(split.x, split.y, split.at, strict=True):
            keys, values = x[:6:2].tolist(), (x[1:6:2] - 7).tolist()
            assert sorted(x[at].tolist()) == sorted(keys)
            assert len(set(values)) == 3
            assert [values[keys.index(key)] for key in x[at]] == y.tolist()
            others = set(x[np.setdiff1d(np.arange(6, 20), at)].tolist())
            assert not others & set(keys)
            assert (others == {0}) == (fill == "blank")


@pytest.mark.parametrize("gap", ["power", "uniform"])
def test_the_slots_are_drawn_by_their_weights_without_replacement(gap: str):
    """The chance of each pair of slots, (first key's, second key's), of four: w_i/W * w_j/(W - w_i)."""
    task = Recall(queries="many", pairs=2, gap=gap)
    split = task.sequences(KeyedStreams(1).generator("data"), N, 12)
    first = np.where(np.take_along_axis(split.x, split.at[:, :1], axis=1) == split.x[:, :1], 0, 1)
    slots = np.concatenate([np.take_along_axis(split.at, first, 1), np.take_along_axis(split.at, 1 - first, 1)], 1)
    found = Counter(map(tuple, ((slots - 4) // 2).tolist()))
    weights = [1.0] * 4 if gap == "uniform" else [i**-0.99 for i in range(1, 5)]
    for i, j in product(range(4), repeat=2):
        chance = 0.0 if i == j else weights[i] / sum(weights) * weights[j] / (sum(weights) - weights[i])
        assert found[i, j] / N == pytest.approx(chance, abs=4 * (chance / N) ** 0.5)


@pytest.mark.parametrize(("pairs", "values"), [(1, 3), (3, 4), (4, 6), (5, 3)])
def test_the_bag_is_what_all_sequences_come_to(pairs: int, values: int):
    """The bag answers each value as often as it occurs, and is judged by the most frequent."""
    bags = [Counter(drawn) for drawn in product(range(values), repeat=pairs)]
    loss = np.mean([sum(-count / pairs * math.log(count / pairs) for count in bag.values()) for bag in bags])
    accuracy = np.mean([max(bag.values()) / pairs for bag in bags])
    assert Recall(pairs=pairs, values=values).bag() == pytest.approx((loss, accuracy))


def test_numbers_by_hand():
    assert Recall().bag() == pytest.approx((1.187, 0.384), abs=5e-4)
    assert Recall(pairs=8).bag() == pytest.approx((1.649, 0.300), abs=5e-4)
    assert Recall(queries="many").bag() == (math.log(4), 1 / 4)
    assert Recall().baseline(2) == pytest.approx(2.303, abs=5e-4)
    assert (Recall().inputs, Recall().total_steps(2)) == (37, 11)
    zoology = Recall(queries="many", keys=4095, values=4096)
    assert zoology.inputs == 8192
    assert zoology.baseline(64) == pytest.approx(8.318, abs=5e-4)
    second = Recall().second(2)
    assert (second.name, second.loss, second.accuracy) == ("bag", *Recall().bag())
    assert (Recall().memory(2).unit, Recall().memory(2).most) == ("bits", math.log2(10))
    assert 4 * (1 - Recall().bag()[0] / Recall().baseline(2)) == pytest.approx(1.9, abs=0.05), "pairs of a bag"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pairs": 27}, "27 pairs need as many different keys"),
        ({"queries": "many", "pairs": 11}, "11 pairs need as many different values"),
        ({"gap": "uniform"}, "belong to many queries"),
        ({"fill": "random"}, "belong to many queries"),
    ],
)
def test_what_does_not_fit_is_said(settings: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        Recall(**settings)
