"""The delay line, against loops over its definition.

Planted and found: the present value as lag 1; lags in falling order; a sum that leaves out the asked value; a division
by T instead of its root; a score at the step K, whose longest lag is undefined.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from unroll.streams import KeyedStreams
from unroll.tasks.delay import Delay
from unroll.testing.tasks import TaskConformance


class TestEach(TaskConformance):
    lengths = (4, 12)
    too_short = (3, 1, 0)

    def task(self, **given: Any) -> Delay:
        return Delay(**{"lags": 3, **given})

    def oracle(self, task: Delay, length: int, seen: Any) -> Any:
        """The value before the last step, the one before that, and so on; or all up to it."""
        past = [
            seen[:-lag].sum() / length**0.5 if task.of == "sum" else seen[-1 - lag][0]
            for lag in range(1, 1 + task.lags)
        ]
        return past if task.ask == "each" else past[-1:]


class TestLast(TestEach):
    lengths = (21, 40)
    too_short = (20, 1, 0)

    def task(self, **given: Any) -> Delay:
        return Delay(**{"ask": "last", **given})


class TestSums(TestEach):
    lengths = (3, 12)
    too_short = (2, 1, 0)

    def task(self, **given: Any) -> Delay:
        return Delay(**{"lags": 2, "of": "sum", **given})


class TestSumOfOne(TestEach):
    lengths = (5, 12)
    too_short = (4, 1, 0)

    def task(self, **given: Any) -> Delay:
        return Delay(**{"lags": 4, "of": "sum", "ask": "last", **given})


def test_every_step_after_the_longest_lag_is_asked() -> None:
    split = Delay(lags=3, train=5, test=1).dataset(KeyedStreams(1), 9).train
    assert split.at.tolist() == [[3, 4, 5, 6, 7, 8]] * 5
    assert split.y.shape == (5, 6, 3)


def test_the_baselines_by_hand() -> None:
    """1/3; of sums the mean of n / (3T) over all asked steps and lags, n the values in the sum."""
    assert Delay().baseline(100) == 1 / 3
    sums = [t - k for t in range(21, 101) for k in range(1, 21)]
    assert Delay(of="sum").baseline(100) == pytest.approx(math.fsum(sums) / len(sums) / 300)
    last = [t - 20 for t in range(21, 101)]
    assert Delay(of="sum", ask="last").baseline(100) == pytest.approx(math.fsum(last) / len(last) / 300)


def test_memory_is_jaegers_capacity() -> None:
    """K (1 - 3 MSE): the sum over the lags of one minus the error over the variance of a value."""
    memory = Delay(lags=5).memory(50)
    errors = [0.0, 0.1, 0.2, 1 / 3, 1 / 3]
    loss = sum(errors) / 5
    assert memory.unit == "steps"
    assert memory.most * (1 - loss / Delay(lags=5).baseline(50)) == pytest.approx(sum(1 - 3 * e for e in errors))
    assert Delay(of="sum").memory(50) is None
    assert Delay(ask="last").memory(50) is None
