"""The loop of a GPU, run here on the CPU: the same numbers as the ordinary loop, asked for once an epoch.

What is replaced is one answer, whether a number is at hand at once; all else is what runs on a GPU, where
``test_device.py`` runs it.

Faults planted here, each seen to be found: a checkpoint that does not fetch first; scored positions of the sequences in
their own order and not in the epoch's; a gradient that is not clipped; a loss that nobody looks at; the last loss that
is not finite reported and not the first; updates that came after it left in the histories.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load

from tests import sequences
from tests.training.test_loop import finish, trial
from tests.working import work_on
from unroll import Study, expand
from unroll.errors import DivergedError
from unroll.objectives import Objective
from unroll.running.messages import Order, Resumable
from unroll.study import Trial
from unroll.tasks import Split, Task
from unroll.training import Result, Training, loop, train
from unroll.training.examples import Examples
from unroll.training.splits import checked

HOW: dict[str, dict[str, Any]] = {
    "plain": {},
    "bounded elements": {"train": {"clip_value": 0.01}},
    "momentum": {"train": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05}},
    "a schedule": {"train": {"schedule": "cosine", "optimizer": "rmsprop"}},
    "early stopping": {"train": {"patience": 1, "epochs": 6, "learning_rate": 0.1}},
    "one update an epoch": {"train": {"batch": 1000}},
    "nothing validated": {"task": {"validation": 0}},
}


@pytest.fixture(autouse=True)
def in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the ordinary loop be PyTorch's, as it is on a GPU."""
    monkeypatch.setattr(loop, "why_not_native", lambda *_: "the test compares loops in Python")


@pytest.fixture
def deferred(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let a training keep its losses as on a GPU."""
    monkeypatch.setattr(loop, "at_once", lambda device: False)
    return monkeypatch


def both(one: Trial) -> tuple[Result, Result]:
    """Train a trial by the ordinary loop and by the other."""
    ordinary = finish(train(one))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "at_once", lambda device: False)
        return ordinary, finish(train(one))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("protocol", ["keyed", "notebook"])
def test_the_same_bits(how: str, protocol: str) -> None:
    ordinary, other = both(trial(protocol=protocol, **HOW[how]))
    assert other.digest == ordinary.digest
    assert other.measured["memoryless"] == ordinary.measured["memoryless"]


@pytest.mark.parametrize("model", ["tanh_rnn", "lstm", "feedforward", "linear", "persistence", "drift"])
def test_the_same_bits_of_number_sequences_and_their_measures(model: str) -> None:
    (one,) = expand(sequences.study("odd_numbers", model))
    ordinary, other = both(one)
    assert other.digest == ordinary.digest
    assert {name: one.digest for name, one in other.measured.items()} == {
        name: one.digest for name, one in ordinary.measured.items()
    }


def test_the_same_bits_of_symbols_whose_scored_positions_differ_from_batch_to_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from unroll.tasks.copy import Copy

    dataset = Copy.dataset

    def with_gaps(self: Any, streams: Any, length: int) -> Any:
        data = dataset(self, streams, length)
        data.train.y[:35, 1:] = -1
        return data

    monkeypatch.setattr(Copy, "dataset", with_gaps)
    factors = {"task": ["copy"], "model": ["gru"], "length": [6], "seed": [1]}
    settings = {"task": {"train": 70, "validation": 20, "test": 20}, "model": {"hidden": 5}}
    (one,) = expand(Study(name="a", factors=factors, train={"epochs": 2, "batch": 16}, **settings))
    ordinary, other = both(one)
    assert other.digest == ordinary.digest


@pytest.mark.parametrize("bound", [0.03, 0.5, 1e6])
def test_a_bounded_norm_to_rounding(bound: float) -> None:
    ordinary, other = both(trial(train={"clip_norm": bound}))
    np.testing.assert_allclose(other.histories["loss"], ordinary.histories["loss"], rtol=1e-5)
    weights, others = load(ordinary.parameters), load(other.parameters)
    for name, values in weights.items():
        np.testing.assert_allclose(others[name], values, rtol=1e-4, atol=1e-6)
    if bound > 1e5:
        assert other.digest == ordinary.digest
    else:
        assert finish(train(trial(train={"clip_norm": 1e6}))).digest != other.digest


@settings(max_examples=25, deadline=None)
@given(at=st.integers(1, 22), again=st.integers(1, 22), how=st.sampled_from(sorted(HOW)))
def test_frozen_anywhere_it_ends_with_the_same_bits(at: int, again: int, how: str) -> None:
    one = trial(**HOW[how])
    ordinary = finish(train(one))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "at_once", lambda device: False)
        checkpoint = None
        for stop in (at, again):
            for count, progress in enumerate(Training(one, checkpoint).run(), 1):
                if count == stop:
                    checkpoint = progress.freeze()
                    break
        assert finish(train(one, checkpoint)).digest == ordinary.digest


def poisoned(monkeypatch: pytest.MonkeyPatch, *places: int) -> None:
    """Make the targets of training sequences NaN, once they have been looked at."""

    def with_nan(task: Task, objective: Objective, split: Split, name: str) -> Split:
        split = checked(task, objective, split, name)
        if name == "training split":
            split.y[list(places)] = np.nan
        return split

    monkeypatch.setattr(loop, "checked", with_nan)


def diverged(one: Trial) -> tuple[DivergedError, dict[str, Any]]:
    training = Training(one)
    with pytest.raises(DivergedError, match="training loss became nan in epoch 1") as caught:
        finish(training.run())
    return caught.value, training.histories_so_far()


@pytest.mark.parametrize("places", [(3,), (3, 30, 60), (69,)])
def test_a_loss_that_is_not_finite_is_found_at_the_end_of_its_epoch(
    places: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(monkeypatch, *places)
    error, histories = diverged(trial())
    monkeypatch.setattr(loop, "at_once", lambda device: False)
    late, late_histories = diverged(trial())
    assert (late.epoch, late.update) == (error.epoch, error.update)
    assert {name: values.tobytes() for name, values in late_histories.items()} == {
        name: values.tobytes() for name, values in histories.items()
    }


def test_nothing_is_frozen_of_a_training_that_has_diverged(deferred: pytest.MonkeyPatch) -> None:
    poisoned(deferred, *range(70))
    progress = next(Training(trial()).run())
    with pytest.raises(DivergedError, match="in epoch 1, update 1"):
        progress.freeze()
    outcome, sent = work_on(Order(trial()), stop=True)
    assert outcome.error is not None
    assert (outcome.error["type"], outcome.error["update"]) == ("DivergedError", 1)
    assert not any(isinstance(message, Resumable) for message in sent)


def test_the_device_is_asked_once_an_epoch(deferred: pytest.MonkeyPatch) -> None:
    asked = []
    item = torch.Tensor.item
    deferred.setattr(torch.Tensor, "item", lambda self: asked.append(self.shape) or item(self))
    fetched = []
    fetch = loop.Ledger.fetch
    deferred.setattr(loop.Ledger, "fetch", lambda self: fetched.append(1) or fetch(self))
    one = trial(task={"validation": 0}, train={"optimizer": "sgd"})  # Adam counts its steps in a tensor that stays here
    steps = Training(one).run()
    for _ in range(15):
        next(steps)
    assert len(fetched) == 3
    assert asked == []


def test_data_are_moved_once_and_the_network_sees_what_was_moved(deferred: pytest.MonkeyPatch) -> None:
    one, moved = trial(), []
    ordinary = finish(train(one))

    def blank(examples: Examples, device: torch.device) -> Examples:
        moved.append(len(examples))
        return replace(examples, copy=replace(examples, x=torch.zeros_like(examples.x)))

    deferred.setattr(Examples, "placed", blank)
    other = finish(train(one))
    assert moved == [70, 20, 30]
    for name in ("loss", "validation_loss"):
        assert not np.isclose(other.histories[name], ordinary.histories[name]).any()
    assert other.metrics["test_mse"] != pytest.approx(ordinary.metrics["test_mse"])
    assert other.measured["memoryless"].metrics["memoryless_mse"] == pytest.approx(
        ordinary.measured["memoryless"].metrics["memoryless_mse"]
    )


def test_progress_tells_the_loss_that_was_fetched_last(deferred: pytest.MonkeyPatch) -> None:
    losses = [progress.loss for progress in Training(trial(task={"validation": 0})).run()][:15]
    assert np.isnan(losses[:4]).all()
    assert np.isfinite(losses[4:]).all()
    assert len(set(losses[4:])) == 3


def test_an_error_in_the_middle_of_an_epoch_keeps_what_was_fetched(deferred: pytest.MonkeyPatch) -> None:
    training = Training(trial(task={"validation": 0}))
    steps = training.run()
    for _ in range(7):
        next(steps)
    assert {name: len(values) for name, values in training.histories_so_far().items()} == {
        "loss": 5, "grad_norm": 5, "train_loss": 1, "seconds": 1,
    }  # fmt: skip
