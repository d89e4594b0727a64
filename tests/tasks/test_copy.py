"""The copy problem against its definition, written here again from the papers, and its baselines by hand.

Planted and found: the last symbol shown before the cue is left out; ``exprnn`` with a blank too many; answers that
begin one step late; an accuracy over the blanks.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError

from unroll import Study, expand
from unroll.streams import KeyedStreams
from unroll.tasks import Criterion
from unroll.tasks.copy import Copy
from unroll.testing.tasks import TaskConformance
from unroll.training import single_thread, train

VARIANTS = [("arjovsky", "all"), ("arjovsky", "answers"), ("exprnn", "all"), ("bai", "all"), ("s4", "answers")]


class TestCopy(TaskConformance):
    lengths = (1, 7)

    def task(self, **settings):
        return Copy(**{"items": 4, **settings})

    def oracle(self, task, length, seen):
        """The symbols of the first steps, one after the other, in the last; a blank before."""
        answers = len(seen) - length - task.items
        return int(np.ravel(seen)[answers - 1]) if answers > 0 else 0


class TestCopyOfNumbers(TestCopy):
    def task(self, **settings):
        return super().task(variant="bai", **settings)

    def asked_for(self, task):
        return set(range(task.symbols + 1))  # the cue is a class that never occurs


class TestCopyOfAnswers(TestCopy):
    def task(self, **settings):
        return super().task(variant="s4", loss="answers", **settings)

    def asked_for(self, task):
        return set(range(1, task.symbols + 1))


@pytest.mark.parametrize(
    ("variant", "shown"),
    [
        ("arjovsky", "abc.....#..."),
        ("exprnn", "abc......#.."),
        ("bai", "abc.....####"),
        ("s4", "abc......###"),
    ],
)
def test_the_sequences_are_those_of_the_papers(variant: str, shown: str):
    """M = 3, T = 6: T + 2M = 12 steps, the answers in the last three."""
    task = Copy(items=3, variant=variant, loss="answers", train=50, validation=0, test=1)
    split = task.dataset(KeyedStreams(1), 6).train
    x = split.x if task.tokens else split.x[..., 0].astype(int)
    for row, answers in zip(x, split.y, strict=True):
        symbols = dict(zip("abc", row[:3], strict=True))
        assert row.tolist() == [{".": 0, "#": 9, **symbols}[letter] for letter in shown]
        assert answers.tolist() == row[:3].tolist()
    assert split.at[0].tolist() == [9, 10, 11]


@pytest.mark.parametrize(("variant", "loss"), VARIANTS)
def test_an_oracle_that_reads_what_came_solves_it(variant: str, loss: str):
    task = Copy(items=3, variant=variant, loss=loss, train=40, validation=0, test=1)
    split = task.dataset(KeyedStreams(2), 5).train
    x = split.x if task.tokens else split.x[..., 0].astype(int)
    last = x.shape[1] - 3
    answered = np.zeros(x.shape, dtype=int)
    answered[:, last:] = x[:, :3]
    if loss == "all":
        assert (split.y == answered).all()
        assert split.asked.sum(axis=1).tolist() == [3] * 40
        assert not split.asked[:, :last].any()
    else:
        assert (split.y == np.take_along_axis(answered, split.at, axis=1)).all()
    assert set(x[:, :3].ravel()) <= set(range(1, 9))
    assert x.max() < (task.inputs if task.tokens else task.outputs)


def test_baselines_and_chance_by_hand():
    expected = {100: 0.17329, 200: 0.09452, 500: 0.03999, 1000: 0.02039}
    assert {length: round(Copy().baseline(length), 5) for length in expected} == expected
    assert Copy(loss="answers").baseline(100) == pytest.approx(2.0794, abs=5e-5)
    assert Copy().chance(100) == 0.125
    memory = Copy().memory(100)
    assert (memory.unit, memory.most) == ("symbols", 10.0)


def test_what_s4_scores_is_said():
    with pytest.raises(ValidationError, match="scores only the answers"):
        Copy(variant="s4")


def test_a_criterion_is_above_or_below():
    assert Criterion("test_accuracy", above=0.99).met(0.995)
    assert not Criterion("test_accuracy", above=0.99).met(0.99)
    assert not Criterion("test_mse", 0.01).met(math.nan)
    for bounds in ({}, {"below": 1.0, "above": 0.0}):
        with pytest.raises(ValueError, match="either below or above"):
            Criterion("x", **bounds)


@pytest.mark.parametrize(("variant", "loss"), VARIANTS)
def test_a_network_learns_what_is_shown_twice(variant: str, loss: str):
    """Two symbols after a gap of one step, by every variant; the numbers that belong to it are stored."""
    study = Study(
        name="copy",
        factors=[{"task": ["copy"], "model": ["gru"], "length": [1], "seed": [1]}],
        task={"items": 1, "symbols": 3, "variant": variant, "loss": loss, "train": 600, "validation": 60, "test": 60},
        model={"hidden": 16},
        train={"epochs": 12, "learning_rate": 0.02},
    )
    (trial,) = expand(study)
    with single_thread():
        steps = train(trial)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result = end.value
                break
    assert result.metrics["solved"] == 1
    assert result.metrics["test_accuracy"] == result.metrics["test_sequence_accuracy"] == 1
    assert result.metrics["test_nats"] < 0.1 * Copy(**trial.task_settings).baseline(1)
    assert result.metrics["validation_nats"] == pytest.approx(result.histories["validation_loss"][-1])
    assert len(result.histories["validation_accuracy"]) == 12
    assert result.metrics["updates_to_solve"] > 0
    assert result.all_metrics["memoryless_gain"] > 0
