"""The second notebook's two models, against its own code: data, losses and generated numbers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests import numbers_oracle
from unroll import expand, read_study
from unroll.generation import generate
from unroll.generation import trained as trained_of
from unroll.models.resolve import resolve
from unroll.streams.notebook import NotebookStreams
from unroll.study import Trial
from unroll.testing.untouched import global_generators_untouched
from unroll.training import Result, single_thread, train

CASES = [
    pytest.param(task, seed, marks=[pytest.mark.slow] if seed > 1 else [])
    for task in numbers_oracle.CASES
    for seed in (1, 2, 3)
]

ODD_SEED_1 = [9.5910, 10.0214, 10.4202, 10.7765, 11.0529, 11.2835, 11.4673, 11.6148]
"""The notebook's continuation of 1, 3, 5, 7, 9 with seed 1, by PyTorch 2.13 on one thread."""


def trial_of(task: str, seed: int) -> Trial:
    (found,) = (t for t in expand(read_study("numbers-notebook")) if (t.task, t.seed) == (task, seed))
    return found


@cache
def both(task: str, seed: int) -> tuple[Trial, Result, numbers_oracle.Outcome]:
    trial = trial_of(task, seed)
    steps = train(trial)
    with single_thread():
        theirs = numbers_oracle.run(task, seed)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return trial, end.value, theirs


@pytest.mark.parametrize(("task", "seed"), CASES)
def test_the_windows_are_the_notebooks_to_the_bit(task: str, seed: int) -> None:
    trial = trial_of(task, seed)
    with global_generators_untouched():
        data = resolve(trial).task.dataset(NotebookStreams(seed, "python"), trial.length)
        theirs = numbers_oracle.windows(both(task, seed)[2].sequences, trial.length)
    np.testing.assert_array_equal(data.train.x, theirs[0].numpy(), strict=True)
    np.testing.assert_array_equal(data.train.y, theirs[1].numpy(), strict=True)


def test_the_number_of_windows() -> None:
    assert len(both("odd_numbers", 1)[2].x) == 6_976
    trial = trial_of("odd_numbers", 1)
    assert len(resolve(trial).task.dataset(NotebookStreams(1, "python"), 5).train) == 6_976


@pytest.mark.parametrize(("task", "seed"), CASES)
def test_the_losses_are_the_notebooks(task: str, seed: int) -> None:
    _, ours, theirs = both(task, seed)
    np.testing.assert_allclose(ours.histories["train_loss"], theirs.losses, rtol=1e-3)


@pytest.mark.parametrize(("task", "seed"), CASES)
def test_the_generated_numbers_are_the_notebooks(task: str, seed: int) -> None:
    trial, ours, theirs = both(task, seed)
    np.testing.assert_allclose(ours.histories["continuation"], theirs.continuation, rtol=1e-3)
    again = generate(trained_of(trial, ours.parameters), numbers_oracle.CASES[task].prompt, 8)
    np.testing.assert_allclose(again.continuation, theirs.continuation, rtol=1e-3)


def test_the_numbers_that_were_printed() -> None:
    """And what is wrong with them: the odd numbers end 54 % short at the eighth step."""
    _, ours, theirs = both("odd_numbers", 1)
    np.testing.assert_allclose(theirs.continuation, ODD_SEED_1, rtol=1e-3)
    np.testing.assert_allclose(ours.histories["continuation"], ODD_SEED_1, rtol=1e-3)
    assert ours.histories["relative_error"][7] == pytest.approx(1 - ODD_SEED_1[7] / 25, rel=1e-3)
    assert ours.metrics["solved"] == 0.0
