"""The latch problem, against its definitions in the paper.

Planted and found: 0.2 as the deviation of the noise, not its variance; the sign repeated at the end; the trigger of 2c
a step early; a tail of one length; the noise of ``noisy`` on one of three informative steps; padding that keeps its
noise.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from unroll.streams import KeyedStreams
from unroll.tasks import Split
from unroll.tasks.latch import LONGEST_TAIL, Latch
from unroll.testing.tasks import TaskConformance


class TestSymbol(TaskConformance):
    lengths = (12, 40)

    def task(self, **given: Any) -> Latch:
        return Latch(**given)

    def oracle(self, task: Latch, length: int, seen: Any) -> Any:
        return seen[0]


class Test2c(TaskConformance):
    lengths = (1, 12)
    ragged = True

    def oracle(self, task: Latch, length: int, seen: Any) -> Any:
        assert seen[-1] == 3
        return seen[1]

    def task(self, **given: Any) -> Latch:
        return Latch(**{"kind": "2c", "distractors": 300, **given})


class TestValue(TaskConformance):
    lengths = (3, 40)
    too_short = (0, 2)
    ragged = True

    def oracle(self, task: Latch, length: int, seen: Any) -> Any:
        return int(seen[: task.informative].mean() > 0)

    def task(self, **given: Any) -> Latch:
        return Latch(**{"kind": "value", "informative": 3, **given})


class TestNoisy(TestValue):
    lengths = (2, 12)
    too_short = (0,)
    oracle_error = 0.1
    """1.3 % of many; of forty, four."""

    def task(self, **given: Any) -> Latch:
        return Latch(**{"kind": "noisy", **given})


def drawn(length: int, **given: Any) -> Split:
    return Latch(train=20_000, test=1, **given).dataset(KeyedStreams(2), length).train


def test_a_symbol_is_shown_once_and_then_others() -> None:
    split = drawn(6, distractors=5)
    assert (split.y[:, 0] == split.x[:, 0]).all()
    assert set(split.x[:, 0]) == {0, 1}
    assert all(set(column) == set(range(2, 7)) for column in split.x[:, 1:].T)


def test_2c_ends_with_its_trigger() -> None:
    """B, the sign, T distractors, then by nine in ten one more each, and E; zeros after it."""
    split = drawn(3, kind="2c", distractors=4)
    assert split.x.shape[1] == 3 + 3 + LONGEST_TAIL
    for x, y, at in zip(split.x[:2_000], split.y, split.at, strict=False):
        end = int(at[0])
        assert end >= 5
        assert (x[0], x[1], x[end]) == (2, y[0], 3)
        assert (x[2:end] >= 4).all()
        assert not x[end + 1 :].any()
    tail = split.at[:, 0] - 5
    for k in (0, 1, 5, 20):
        expected = 0.1 * 0.9**k
        assert abs((tail == k).mean() - expected) < 4 * (expected / len(tail)) ** 0.5
    assert abs(tail.mean() - 9) < 4 * 9.5 / len(tail) ** 0.5


@pytest.mark.parametrize("informative", [1, 3])
@pytest.mark.parametrize("kind", ["value", "noisy"])
def test_numbers_are_the_sign_and_noise_of_variance_a_fifth(kind: Any, informative: Any) -> None:
    split = drawn(20, kind=kind, informative=informative)
    x = split.x[:, :, 0].astype(float)
    sign = 2.0 * split.y - 1
    shown = x[:, :informative] - sign
    if kind == "value":
        assert not shown.any()
    else:
        assert shown.var(axis=0) == pytest.approx(np.full(informative, 0.2), rel=0.05)
        right = (x[:, :informative].mean(axis=1, keepdims=True) * sign > 0).mean()
        best = NormalDist().cdf((informative / 0.2) ** 0.5)
        assert abs(right - best) < 4 * (best * (1 - best) / len(x)) ** 0.5 + 1e-12
    ends = split.at[:, 0] + 1
    assert set(ends) == {20, 21, 22}
    beyond = np.arange(22) >= ends[:, None]
    assert not x[beyond].any()
    noise = x[:, informative:][~beyond[:, informative:]]
    assert noise.var() == pytest.approx(0.2, rel=0.01)
    assert abs(noise.mean()) < 4 * (0.2 / noise.size) ** 0.5


def test_the_facts() -> None:
    assert Latch().baseline(9) == pytest.approx(0.693147, abs=1e-6)
    assert (Latch().chance(9), Latch().memory(9).most, Latch().memory(9).unit) == (0.5, 1.0, "bits")
    solved = {kind: Latch(kind=kind).solved.above for kind in ("symbol", "2c", "value", "noisy")}
    assert solved == {"symbol": 0.99, "2c": 0.99, "value": 0.99, "noisy": 0.98}
    assert Latch(kind="noisy", informative=3).solved.above == 0.99
    assert Latch().inputs == 100
    assert Latch(distractors=400).dataset(KeyedStreams(1), 5).train.x.dtype == np.int32
    with pytest.raises(ValidationError, match="has no distractors"):
        Latch(kind="value", distractors=5)
    with pytest.raises(ValidationError, match="shows its sign once"):
        Latch(informative=3)
