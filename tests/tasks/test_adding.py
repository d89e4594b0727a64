"""The adding problem, against loops over its definition.

Faults that were planted and seen here: a marker drawn twice; the halves of an odd T split the other way; the markers drawn before the
values; one stream for train and test; the target of the first marker only; T = 1 accepted.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.streams import KeyedStreams, Streams
from unroll.streams.notebook import NotebookStreams
from unroll.tasks import Split
from unroll.tasks.adding import Adding
from unroll.testing.tasks import TaskConformance


class TestAnywhere(TaskConformance):
    lengths = (2, 3, 10, 25)
    too_short = (1, 0, -3)

    def task(self, **given: Any) -> Adding:
        return Adding(**given)


class TestHalves(TaskConformance):
    lengths = (2, 3, 10, 25)
    too_short = (1, 0, -3)

    def task(self, **given: Any) -> Adding:
        return Adding(markers="halves", **given)


def check_split(split: Split, length: int, markers: str) -> None:
    """The definition, one sequence at a time, in float32 and in words of Python."""
    for x, y in zip(split.x, split.y, strict=True):
        marked = [t for t in range(length) if x[t, 1] == 1.0]
        assert [x[t, 1] for t in range(length) if t not in marked] == [0.0] * (length - 2)
        assert len(marked) == 2
        if markers == "halves":
            assert marked[0] < length // 2 <= marked[1]
        assert all(0.0 <= value <= 1.0 for value in x[:, 0])
        assert float(y[0]) == pytest.approx(float(x[marked[0], 0]) + float(x[marked[1], 0]), abs=2e-7)


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(2, 41),
    markers=st.sampled_from(["anywhere", "halves"]),
    seed=st.integers(0, 2**32 - 1),
    streams=st.sampled_from([KeyedStreams, NotebookStreams]),
)
def test_the_target_is_the_sum_of_the_marked(length: int, markers: Any, seed: int, streams: type[Streams]) -> None:
    data = Adding(train=9, validation=4, test=5, markers=markers).dataset(streams(seed), length)  # type: ignore[arg-type]
    for split in (data.train, data.validation, data.test):
        check_split(split, length, markers)


@pytest.mark.parametrize("markers", ["anywhere", "halves"])
@pytest.mark.parametrize("length", [2, 3, 7, 10])
def test_every_pair_of_steps_is_equally_likely(markers: Any, length: int) -> None:
    """Chi-square of the pairs, at a bound that a right generator passes but once in a million."""
    n = 20_000
    x = Adding(train=n, test=1, markers=markers).dataset(KeyedStreams(4), length).train.x
    steps = np.argsort(-x[:, :, 1], axis=1, kind="stable")[:, :2]
    counts: dict[tuple[int, int], int] = {}
    for a, b in np.sort(steps, axis=1).tolist():
        counts[a, b] = counts.get((a, b), 0) + 1
    pairs = [(a, b) for a in range(length) for b in range(a + 1, length)]
    if markers == "halves":
        pairs = [(a, b) for a, b in pairs if a < length // 2 <= b]
    assert set(counts) == set(pairs)
    expected = n / len(pairs)
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    freedom = len(pairs) - 1
    assert chi_square <= freedom + 5 * (2 * freedom) ** 0.5 + 10


def test_the_baseline_is_one_sixth() -> None:
    """The variance of a sum of two uniforms; not the 0.1767 of a well-known table."""
    assert Adding().baseline(10) == Adding(markers="halves").baseline(500) == 1 / 6
    values = np.random.default_rng(1).uniform(size=(1_000_000, 2)).sum(axis=1)
    assert values.var() == pytest.approx(Adding().baseline(10), rel=5e-3)


def test_too_short_says_the_bound() -> None:
    with pytest.raises(ValueError, match=r"^1 is too short: two markers need at least 2 steps$"):
        Adding().dataset(KeyedStreams(1), 1)


def test_the_facts() -> None:
    task = Adding()
    assert (task.inputs, task.outputs, task.readout) == (2, 1, "last")
    assert (task.solved.metric, task.solved.below) == ("test_mse", 0.01)
    assert [Adding(markers=m).notes for m in ("anywhere", "halves")] == ["markers anywhere", "markers halves"]
