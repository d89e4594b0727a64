"""Tests at further lengths: what is stored is what the trained weights answer to the split of that length.

Planted and found: the split of the trained length; the stream of the test split; shorter lengths in the mean of the
longer ones; a sum over batches that is not weighed; a loss without bound that ends the trial.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.training.test_loop import finish
from unroll import Study, expand
from unroll.models.resolve import resolve
from unroll.running.calibration import FORWARD, Calibration, shape
from unroll.running.planning import plan
from unroll.running.sizes import memory_bytes
from unroll.streams import KeyedStreams
from unroll.study import Trial
from unroll.training import Training, loop, single_thread, train
from unroll.training.examples import Examples

LENGTHS = [3, 6, 9, 14]


def study(task: str = "counting", lengths: list[int] = LENGTHS, **more) -> Study:
    settings = {"train": 40, "validation": 0, "test": 25, **more.pop("task_settings", {})}
    return Study(
        name="further",
        factors={"task": [task], "model": ["gru"], "length": [6], "seed": [1]},
        task=settings,
        model={"hidden": 4},
        train={"epochs": 2, "batch": 8},
        test={"lengths": lengths},
        **more,
    )


def trial(*args, **more) -> Trial:
    return expand(study(*args, **more))[0]


@pytest.mark.parametrize("task", ["counting", "brackets", "adding", "copy"])
def test_each_value_is_what_the_trained_weights_answer(task: str):
    one = trial(task)
    with single_thread():
        training = Training(one)
        result = finish(training.run())
    objective, network = training.objective, training.network.eval()
    drawn = resolve(one).task
    for place, length in enumerate(LENGTHS):
        split = drawn.sequences(KeyedStreams(1).generator(f"test/{length}"), 25, length)
        examples = Examples.of(split, training.alphabet)
        with torch.no_grad():
            outputs = examples.answers(network)
            assert result.histories["loss_by_length"][place] == pytest.approx(
                objective.loss(outputs, examples.y).item(), rel=1e-5
            )
            for name, mean in objective.means(objective.counts(outputs, examples.y, examples.asked)).items():
                assert result.histories[f"{name}_by_length"][place] == pytest.approx(mean)
    if task == "adding":
        assert "accuracy_beyond" not in result.metrics
    else:
        assert result.metrics["accuracy_beyond"] == pytest.approx(
            np.mean(result.histories["accuracy_by_length"][2:]), rel=1e-6
        )


def test_no_length_beyond_the_trained_one_has_no_mean():
    with single_thread():
        result = finish(train(trial(lengths=[3, 6])))
    assert "accuracy_beyond" not in result.metrics
    assert len(result.histories["accuracy_by_length"]) == 2


def test_all_else_is_as_it_is_without():
    with single_thread():
        result, without = finish(train(trial())), finish(train(trial(lengths=[])))
    assert result.parameters == without.parameters
    assert {
        name: value for name, value in result.metrics.items() if name in without.metrics and "seconds" not in name
    } == {name: value for name, value in without.metrics.items() if "seconds" not in name}


@pytest.mark.parametrize("protocol", ["keyed", "notebook"])
@pytest.mark.parametrize("at", [3, 10, 15, 19])
def test_wherever_it_was_frozen_the_bits_are_the_same(protocol: str, at: int):
    one = trial("adding", protocol=protocol)
    with single_thread():
        whole, steps = finish(train(one)), train(one)
        for _ in range(at):
            progress = next(steps)
        assert finish(train(one, progress.freeze())).digest == whole.digest


def test_a_network_that_runs_away_at_a_longer_length_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    answers = Examples.answers

    def run_away(self, network):
        outputs = answers(self, network)
        return outputs * math.inf if self.x.shape[1] > 9 else outputs

    monkeypatch.setattr(Examples, "answers", run_away)
    monkeypatch.setattr(loop, "why_not_native", lambda *_: "what runs away here is an answer in Python")
    with single_thread():
        result = finish(train(trial("adding")))
    assert np.isfinite(result.histories["loss_by_length"]).tolist() == [True, True, True, False]


def test_baseline_and_chance_of_each_length_are_declared():
    one = trial("brackets")
    (planned,) = plan(study("brackets"), [one]).trials
    task = resolve(one).task
    assert planned.declared["tested"] == [
        {"length": length, "baseline": task.baseline(length), "chance": task.chance(length)} for length in LENGTHS
    ]
    assert "tested" not in plan(study(lengths=[]), [trial(lengths=[])]).trials[0].declared


def test_time_and_memory_know_the_longest():
    one, without = trial(), trial(lengths=[])
    known = Calibration({shape(one): [(1, 1.0), (2, 2.0)]})
    assert known.cost(one) - known.cost(without) == pytest.approx(FORWARD * math.ceil(25 / 8) * sum(LENGTHS))
    assert memory_bytes(trial(lengths=[100_000]), 1) > memory_bytes(without, 1) + 25 * 2 * 100_000
