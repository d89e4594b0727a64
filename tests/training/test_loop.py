"""One trial, trained: against the notebook's own code, against plain PyTorch, and frozen anywhere.

Faults planted here, each seen to be found: a resume without the optimizer's state; a resume that draws the order of
the wrong epoch; clipping before the norm is written down; the last, smaller batch left out; the mean over batches
instead of sequences as the epoch's loss.
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
from torch import nn

from tests import notebook_oracle
from unroll import Study, expand, read_study
from unroll.errors import CheckpointError, DivergedError
from unroll.kernels import isas
from unroll.models.resolve import resolve
from unroll.streams import KeyedStreams
from unroll.study import Trial
from unroll.training import Result, Training, loop, single_thread, train
from unroll.training.native import NativeUpdates
from unroll.training.network import build_network
from unroll.training.splits import checked


def trial(model: str = "gru", length: int = 4, seed: int = 1, protocol: str = "keyed", **more) -> Trial:
    """A trial of a second or less."""
    task = {"train": 70, "validation": 20, "test": 30, **more.pop("task", {})}
    how = {"epochs": 3, "batch": 16, **more.pop("train", {})}
    study = Study(
        name="one",
        protocol=protocol,
        factors={"task": ["adding"], "model": [model], "length": [length], "seed": [seed]},
        task=task,
        model={"hidden": more.pop("hidden", 5)},
        train=how,
    )
    return expand(study)[0]


def finish(steps) -> Result:
    """Run a training to its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


NOTEBOOK_AT_10 = {
    ("lstm", 1): 4.7183730639517304e-05,
    ("lstm", 2): 8.166500565130264e-05,
    ("lstm", 3): 8.733493986073881e-05,
    ("gru", 1): 2.909908167202957e-05,
    ("gru", 2): 2.6313552720239386e-05,
    ("gru", 3): 8.114175929222256e-05,
    ("tanh_rnn", 1): 0.0009208881286904216,
    ("tanh_rnn", 2): 0.0009024004871025682,
    ("tanh_rnn", 3): 0.0005712733592372388,
}
"""Test MSE of the notebook's code at T = 10 after 50 epochs, PyTorch 2.13, one thread: (cell, seed)."""


def shipped(*overrides: str) -> Trial:
    return expand(read_study("adding-sanity", overrides))[0]


@pytest.mark.slow
def test_the_notebooks_own_number_comes_out_again():
    with single_thread():
        result = finish(train(shipped("train.backend=reference")))
    assert abs(result.metrics["test_mse"] - 0.00092090) <= 1e-6
    assert result.metrics["solved"] == 1.0


@pytest.mark.slow
@pytest.mark.skipif(not isas(), reason="no native kernels are installed")
def test_the_native_kernels_give_the_notebooks_number():
    with single_thread():
        result = finish(train(shipped("train.backend=native")))
    assert result.metrics["test_mse"] == pytest.approx(0.00092090, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "seed"), [("lstm", 3), ("gru", 2)])
def test_any_cell_at_ten_steps_gives_what_the_notebooks_code_gives(model: str, seed: int):
    expected = NOTEBOOK_AT_10[model, seed]
    with single_thread():
        result = finish(train(shipped(f'model="{model}"', f"seed={seed}", "train.backend=reference")))
    assert result.metrics["test_mse"] == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("backend", ["reference", "auto"])
@pytest.mark.parametrize("seed", [1, 7])
@pytest.mark.parametrize("length", [10, 25, 100])
@pytest.mark.parametrize("model", ["tanh_rnn", "lstm", "gru"])
def test_the_first_updates_are_the_notebooks(model: str, length: int, seed: int, backend: str):
    sizes = {"train": 1300, "test": 64}
    expected = notebook_oracle.run(model, length, seed, updates=20, **sizes)
    small = [f"task.{name}={size}" for name, size in sizes.items()]
    asked = [f'model="{model}"', f"length={length}", f"seed={seed}", f"train.backend={backend}"]
    steps = train(shipped(*asked, *small))
    with single_thread():
        losses = [next(steps).loss for _ in range(20)]
    np.testing.assert_allclose(losses, expected["losses"][:20], rtol=1e-5)


OPTIMIZERS = [
    ({"optimizer": "adam"}, lambda p: torch.optim.Adam(p, lr=1e-3)),
    ({"optimizer": "sgd", "learning_rate": 0.05}, lambda p: torch.optim.SGD(p, lr=0.05)),
    ({"optimizer": "sgd", "momentum": 0.9}, lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9)),
    ({"optimizer": "rmsprop"}, lambda p: torch.optim.RMSprop(p, lr=1e-3)),
    ({"optimizer": "rmsprop", "momentum": 0.5}, lambda p: torch.optim.RMSprop(p, lr=1e-3, momentum=0.5)),
    ({"optimizer": "rmsprop", "alpha": 0.9}, lambda p: torch.optim.RMSprop(p, lr=1e-3, alpha=0.9)),
    ({"optimizer": "adamw", "weight_decay": 0.1}, lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.1)),
    ({"weight_decay": 0.1, "clip_norm": 0.05}, lambda p: torch.optim.Adam(p, lr=1e-3, weight_decay=0.1)),
    ({"clip_norm": 0.05}, lambda p: torch.optim.Adam(p, lr=1e-3)),
    ({"clip_value": 0.01}, lambda p: torch.optim.Adam(p, lr=1e-3)),
]


@pytest.mark.parametrize(("how", "optimizer"), OPTIMIZERS, ids=[str(how) for how, _ in OPTIMIZERS])
def test_training_is_what_plain_pytorch_does(how: dict, optimizer):
    one = trial(train=how)
    streams = KeyedStreams(one.seed)
    data = resolve(one).task.dataset(streams, one.length)
    network = build_network(one, streams.generator("init"))
    parameters = list(network.parameters())
    stepper = optimizer(parameters)
    losses, norms, epochs = [], [], []
    x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.train.y)
    for epoch in range(3):
        order = torch.from_numpy(streams.order(epoch, 70))
        total = 0.0
        for batch in order.split(16):
            stepper.zero_grad()
            loss = nn.functional.mse_loss(network(x[batch]), y[batch])
            loss.backward()
            norms.append(sum(p.grad.norm().item() ** 2 for p in parameters) ** 0.5)
            if "clip_norm" in how:
                torch.nn.utils.clip_grad_norm_(parameters, how["clip_norm"])
            if "clip_value" in how:
                torch.nn.utils.clip_grad_value_(parameters, how["clip_value"])
            stepper.step()
            losses.append(loss.item())
            total += loss.item() * len(batch)
        epochs.append(total / 70)
    with torch.no_grad():
        test = nn.functional.mse_loss(network(torch.from_numpy(data.test.x)), torch.from_numpy(data.test.y)).item()

    result = finish(train(one))
    np.testing.assert_allclose(result.histories["loss"], losses, rtol=1e-5)
    np.testing.assert_allclose(result.histories["grad_norm"], norms, rtol=1e-5)
    np.testing.assert_allclose(result.histories["train_loss"], epochs, rtol=1e-5)
    assert result.metrics["test_mse"] == pytest.approx(test, rel=1e-5)
    assert result.metrics["train_loss"] == pytest.approx(epochs[-1], rel=1e-5)
    trained = load(result.parameters)
    for name, parameter in network.named_parameters():
        np.testing.assert_allclose(trained[name], parameter.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_results_are_complete_and_plain():
    result = finish(train(trial()))
    assert set(result.metrics) >= {"test_mse", "train_loss", "validation_mse", "seconds_per_epoch", "solved"}
    assert {name: len(values) for name, values in result.histories.items()} == {
        "loss": 15, "grad_norm": 15, "train_loss": 3, "validation_loss": 3, "seconds": 3,
    }  # fmt: skip
    assert all(values.dtype == np.float32 for values in result.histories.values())
    assert result.metrics["validation_mse"] == result.histories["validation_loss"][-1]
    assert "validation_loss" not in finish(train(trial(task={"validation": 0}))).histories


def test_updates_to_solve_is_the_end_of_the_first_epoch_that_solves():
    one = trial(model="gru", length=2, task={"train": 400, "validation": 100}, hidden=16,
                train={"epochs": 40, "learning_rate": 0.01})  # fmt: skip
    result = finish(train(one))
    curve = result.histories["validation_loss"]
    first = next(epoch for epoch, loss in enumerate(curve) if loss < 0.01)
    assert first > 0
    assert result.metrics["updates_to_solve"] == (first + 1) * 25
    assert "updates_to_solve" not in finish(train(trial())).metrics


def interrupted(one: Trial, at: int) -> Result:
    """Train, freeze after ``at`` yields, throw the training away, and go on from the checkpoint."""
    steps = train(one)
    for _ in range(at):
        progress = next(steps)
    checkpoint = progress.freeze()
    steps.close()
    return finish(train(one, checkpoint))


SCHEDULES = [{"schedule": "cosine"}, {"schedule": "step", "step_epochs": 1}]


@settings(max_examples=25, deadline=None)
@given(
    at=st.integers(1, 22),
    model=st.sampled_from(["tanh_rnn", "lstm", "gru"]),
    protocol=st.sampled_from(["keyed", "notebook"]),
    how=st.sampled_from([*(how for how, _ in OPTIMIZERS), *SCHEDULES]),
)
def test_frozen_anywhere_it_ends_with_the_same_bits(at: int, model: str, protocol: str, how: dict):
    one = trial(model=model, protocol=protocol, train=how)
    assert interrupted(one, at).digest == finish(train(one)).digest


def test_frozen_twice():
    one = trial()
    steps = train(one)
    for _ in range(4):
        progress = next(steps)
    again = train(one, progress.freeze())
    for _ in range(9):
        progress = next(again)
    assert finish(train(one, progress.freeze())).digest == finish(train(one)).digest


@pytest.mark.parametrize("fault", ["optimizer", "order"])
def test_a_planted_fault_changes_the_digest(fault: str, monkeypatch: pytest.MonkeyPatch):
    one = trial()
    expected = finish(train(one)).digest
    if fault == "optimizer":
        thaw = Training._thaw
        monkeypatch.setattr(
            Training, "_thaw", lambda self, checkpoint: (thaw(self, checkpoint), self.optimizer.state.clear())
        )
    else:
        order = KeyedStreams.order
        monkeypatch.setattr(KeyedStreams, "order", lambda self, epoch, n: order(self, epoch + 1, n))
    assert interrupted(one, 7).digest != expected


def test_a_checkpoint_belongs_to_its_trial():
    progress = next(train(trial(seed=1)))
    with pytest.raises(CheckpointError, match="belongs to trial"):
        next(train(trial(seed=2), progress.freeze()))
    checkpoint = progress.freeze()
    damaged = type(checkpoint)(checkpoint.tensors[:40], checkpoint.position)
    with pytest.raises(CheckpointError, match="damaged"):
        next(train(trial(seed=1), damaged))


@pytest.mark.parametrize("split", ["training", "validation", "test"])
def test_a_loss_that_is_not_finite_ends_the_training(split: str, monkeypatch: pytest.MonkeyPatch):
    def poisoned(task, objective, examples, name):
        examples = checked(task, objective, examples, name)
        if name == f"{split} split":
            examples.y[-1] = np.nan
        return examples

    monkeypatch.setattr(loop, "checked", poisoned)
    with pytest.raises(DivergedError, match=f"{split} loss became nan") as caught:
        finish(train(trial()))
    assert caught.value.epoch == {"training": 1, "validation": 1, "test": 3}[split]


def test_a_loss_beyond_float32_ends_the_trial(monkeypatch: pytest.MonkeyPatch):
    """Native code adds squares up in float64, where they may still be finite; the history of them is float32."""
    evaluate = NativeUpdates.evaluate

    def far_off(self: NativeUpdates, *part: Any) -> Any:
        found = evaluate(self, *part)
        return replace(found, losses=np.full_like(found.losses, 1e39))

    monkeypatch.setattr(NativeUpdates, "evaluate", far_off)
    with pytest.raises(DivergedError, match=r"validation loss became 1e\+39 in epoch 1"):
        finish(train(trial()))


def test_no_global_generator_is_read_or_moved():
    import random

    for protocol in ("keyed", "notebook"):
        random.seed(5)
        np.random.seed(5)  # noqa: NPY002
        torch.manual_seed(5)
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        digest = finish(train(trial(protocol=protocol))).digest
        after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        assert before == after
        torch.manual_seed(6)
        assert finish(train(trial(protocol=protocol))).digest == digest


def test_single_thread_restores_what_it_found():
    torch.set_num_threads(2)
    torch.set_flush_denormal(False)
    with single_thread():
        assert torch.get_num_threads() == 1
        assert (torch.tensor(1e-30) * 1e-10).item() == 0.0
        with single_thread():
            pass
        assert (torch.tensor(1e-30) * 1e-10).item() == 0.0
    assert torch.get_num_threads() == 2
    assert (torch.tensor(1e-30) * 1e-10).item() != 0.0
