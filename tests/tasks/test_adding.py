"""The adding problem, against loops over its definition.

Faults that were planted and seen here: a marker drawn twice; the halves of an odd T split the other way; one stream
for train and test; T = 1 accepted; the baseline 0.1767; values from the global generator; the last step of an odd T
never marked; hs97: the value on a marked first step kept, 1/24 for its baseline, the second marker among T/2 places;
pascanu13: places counted in T instead of in the sequence's own steps; padding that keeps its values.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.tasks.marked_oracle import check, shown
from unroll.streams import KeyedStreams, Streams
from unroll.streams.notebook import NotebookStreams
from unroll.tasks.adding import Adding
from unroll.testing.tasks import TaskConformance


class TestAnywhere(TaskConformance):
    lengths = (2, 3, 10, 25)
    too_short = (1, 0, -3)

    def task(self, **given: Any) -> Adding:
        return Adding(**given)

    def oracle(self, task: Adding, length: int, seen: Any) -> Any:
        return [sum(value for value, marker in seen if marker == 1)]


class TestHs97(TaskConformance):
    lengths = (11, 12, 40)
    too_short = (10, 2, 0)
    ragged = True

    def task(self, **given: Any) -> Adding:
        return Adding(markers="hs97", **given)

    def oracle(self, task: Adding, length: int, seen: Any) -> Any:
        assert seen[-1, 1] == -1
        return [0.5 + sum(value for value, marker in seen if marker == 1) / 4]


class TestPascanu13(TaskConformance):
    lengths = (10, 11, 40)
    too_short = (9, 2, 0)
    ragged = True

    def task(self, **given: Any) -> Adding:
        return Adding(markers="pascanu13", **given)

    def oracle(self, task: Adding, length: int, seen: Any) -> Any:
        return [sum(value for value, marker in seen if marker == 1) / 2]


class TestHalves(TestAnywhere):
    def task(self, **given: Any) -> Adding:
        return Adding(markers="halves", **given)


ANSWERS = {
    "anywhere": lambda a, b: a + b,
    "halves": lambda a, b: a + b,
    "hs97": lambda a, b: 0.5 + (a + b) / 4,
    "pascanu13": lambda a, b: (a + b) / 2,
}


@settings(max_examples=80, deadline=None)
@given(
    length=st.integers(2, 41),
    markers=st.sampled_from(list(ANSWERS)),
    seed=st.integers(0, 2**32 - 1),
    streams=st.sampled_from([KeyedStreams, NotebookStreams]),
)
def test_the_target_is_made_of_the_marked(length: int, markers: Any, seed: int, streams: type[Streams]) -> None:
    task = Adding(train=9, validation=4, test=5, markers=markers)
    assume(length >= {"hs97": 11, "pascanu13": 10}.get(markers, 2))
    data = task.dataset(streams(seed), length)  # type: ignore[arg-type]
    for split in (data.train, data.validation, data.test):
        check(split, length, markers, ANSWERS[markers], lowest=-1.0, first=0.0)


@pytest.mark.parametrize(("markers", "length"), [("hs97", 11), ("hs97", 30), ("pascanu13", 10), ("pascanu13", 20)])
def test_every_place_and_every_length_occurs(markers: Any, length: int) -> None:
    """The first and the last place of both markers, and the shortest and the longest sequence."""
    split = Adding(train=20_000, test=1, markers=markers).dataset(KeyedStreams(4), length).train
    sequences = shown(split)
    marked = [[t for t, mark in enumerate(marks) if mark == 1] for _, marks, _ in sequences]
    if markers == "hs97":
        places = length // 2 - 1
        firsts, seconds, longest = set(range(10)), set(range(places)), length + length // 10
        assert {b for _, b in marked} == set(range(1, max(10, places)))
    else:
        longest = length + length // 10 - 1
        firsts, seconds = set(range(longest // 10)), set(range(length // 10, longest // 10 + 4 * longest // 10))
        assert {a for a, _ in marked} == firsts
        assert {b for _, b in marked} == seconds
    assert firsts | seconds == {place for pair in marked for place in pair}
    assert {len(numbers) for numbers, _, _ in sequences} == set(range(length, longest + 1))


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


def test_the_baselines_of_scaled_targets() -> None:
    """hs97's is not 1/24: a value on the first step counts 0. Written out: 0.9 and 1 - 0.9/48 of 2/48 at T = 100."""
    assert Adding(markers="hs97").baseline(100) == pytest.approx((0.9 + 1 - 0.9 / 48) / 48)
    assert Adding(markers="hs97").baseline(100) == pytest.approx(0.03919, abs=5e-6)
    assert Adding(markers="pascanu13").baseline(100) == 1 / 24
    assert [Adding(markers=m).memory(50) is None for m in ANSWERS] == [False, False, True, True]


def test_too_short_says_the_bound() -> None:
    with pytest.raises(ValueError, match=r"^1 is too short: two markers need at least 2 steps$"):
        Adding().dataset(KeyedStreams(1), 1)


def test_the_facts() -> None:
    task = Adding()
    assert (task.inputs, task.outputs, task.readout) == (2, 1, "last")
    assert (task.solved.metric, task.solved.below) == ("test_mse", 0.01)
    assert [Adding(markers=m).notes for m in ("anywhere", "halves")] == ["markers anywhere", "markers halves"]
    ragged = Adding(markers="hs97")
    assert (ragged.readout, ragged.total_steps(100), Adding(markers="pascanu13").total_steps(100)) == ("some", 110, 109)
    assert ragged.solved.below == 0.0025


def test_wrong_is_what_the_first_paper_counts() -> None:
    """Off by more than 0.04: of all answers of 1/2 as many as is said; other variants have no such count."""
    task = Adding(markers="hs97", train=20_000, test=1)
    y = task.sequences(KeyedStreams(5).generator("data"), 20_000, 30).y.ravel()
    wrong = np.abs(0.5 - y) > 0.04
    tolerance = task.tolerance(30)
    assert tolerance is not None
    assert tolerance.error == 0.04
    assert abs(wrong.mean() - tolerance.baseline) < 4 * wrong.std() / len(wrong) ** 0.5
    assert Adding().tolerance(30) is None
    assert "off by more than 0.04" in task.notes
