"""Whole updates in native code: against the Python loop, and the same bits however they are made."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.kernels.oracle import needs_native
from unroll import Study, expand, read_study
from unroll.errors import DivergedError
from unroll.kernels import isas
from unroll.kernels.pick import UNFUSED
from unroll.study import Trial
from unroll.training import Result, Training, loop, single_thread
from unroll.training.native import numerics_of
from unroll.training.schedules import cosine

pytestmark = needs_native

MODELS = ("tanh_rnn", "gru", "lstm")
TASKS = {
    "adding": {},  # numbers, the last step
    "delay": {"lags": 8},  # numbers, some steps
    "parity": {},  # symbols, classes, the last step
    "copy": {"loss": "all"},  # classes at every step
    "recall": {},  # classes at some
    "mackey_glass": {},  # numbers, every step
    "odd_numbers": {"min_terms": 14, "max_terms": 18},  # sequences that are continued
}


def trial(model: str, task: str = "adding", length: int = 12, seed: int = 1, **more) -> Trial:
    how = {"epochs": 2, "batch": 16, **more.pop("train", {})}
    study = Study(
        name="one",
        factors={"task": [task], "model": [model], "length": [length], "seed": [seed]},
        task={"train": 170, "validation": 40, "test": 70, **TASKS[task]},
        model={"hidden": 20, **more.pop("settings", {})},
        train=how,
    )
    return expand(study)[0]


def finish(training: Training) -> Result:
    steps = training.run()
    with single_thread():
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value


def in_python(monkeypatch: pytest.MonkeyPatch, one: Trial) -> Training:
    with monkeypatch.context() as patch:
        patch.setattr(loop, "why_not_native", lambda *_: "the test wants the reference")
        training = Training(one)
    assert training.native is None
    return training


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_the_first_updates_and_evaluations_are_those_of_the_python_loop(
    model: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trial(model, task)
    native = Training(one)
    assert native.native is not None
    theirs, ours = finish(in_python(monkeypatch, one)), finish(native)
    assert ours.histories.keys() == theirs.histories.keys()
    for name in ("loss", "grad_norm"):
        assert np.allclose(ours.histories[name][:20], theirs.histories[name][:20], rtol=1e-6, atol=1e-6), name
    assert ours.metrics.keys() == theirs.metrics.keys()
    for name in ours.metrics.keys() - {"seconds_per_epoch"}:
        assert ours.metrics[name] == pytest.approx(theirs.metrics[name], rel=1e-4, abs=1e-5), name
    assert ours.measured.keys() == theirs.measured.keys()


@pytest.mark.parametrize("model", MODELS)
def test_a_whole_training_ends_where_the_python_loop_does(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each seed nearer to it, in test MSE, than a tenth of what seeds differ by."""
    how = {"epochs": 8, "batch": 32, "learning_rate": 0.005}
    trials = [trial(model, seed=seed, train=how) for seed in range(1, 6)]
    ours = np.log10([finish(Training(one, look=0.05)).metrics["test_mse"] for one in trials])
    theirs = np.log10([finish(in_python(monkeypatch, one)).metrics["test_mse"] for one in trials])
    assert np.abs(ours - theirs).max() < 0.1 * theirs.std(ddof=1)


@pytest.mark.parametrize(
    "how",
    [
        {"optimizer": "adamw", "weight_decay": 0.1, "schedule": "cosine", "final_learning_rate": 1e-5},
        {"optimizer": "sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.01, "clip_norm": 0.2},
        {"optimizer": "rmsprop", "momentum": 0.5, "clip_value": 0.01, "schedule": "step", "step_epochs": 1},
        {"optimizer": "rmsprop", "alpha": 0.9, "patience": 1, "epochs": 4},
    ],
    ids=lambda how: "-".join(map(str, how.values())),
)
def test_optimizers_and_bounds_are_those_of_the_python_loop(how: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    one = trial("gru", train=how)
    theirs, ours = finish(in_python(monkeypatch, one)), finish(Training(one))
    for name in ("loss", "grad_norm", "validation_loss"):
        assert np.allclose(ours.histories[name][:20], theirs.histories[name][:20], rtol=1e-6, atol=1e-6), name


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_the_bits_do_not_depend_on_the_instruction_set_or_on_when_somebody_looks(
    model: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = set()
    for isa in isas():
        if isa in UNFUSED:
            continue
        monkeypatch.setenv("UNROLL_ISA", isa)
        digests |= {finish(Training(trial(model, task), look=look)).digest for look in (0.0, 0.05)}
    assert len(digests) <= 1


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_a_training_goes_on_anywhere_with_the_same_bits(optimizer: str) -> None:
    how = {"optimizer": optimizer, **({} if optimizer == "adam" else {"momentum": 0.9})}
    one = trial("lstm", "recall", train=how)
    whole = finish(Training(one))
    steps = Training(one).run()
    with single_thread():
        frozen = [next(steps).freeze() for _ in range(24)]
    for checkpoint in frozen[::5]:
        assert finish(Training(one, checkpoint, look=0.05)).digest == whole.digest


def test_a_loss_that_is_no_number_ends_the_trial() -> None:
    one = trial("tanh_rnn", settings={"nonlinearity": "relu"}, train={"learning_rate": 1000.0, "optimizer": "sgd"})
    training = Training(one, look=0.05)
    with pytest.raises(DivergedError, match="training loss"):
        finish(training)
    losses = training.histories_so_far()["loss"]
    assert len(losses) == training.done
    assert not math.isfinite(losses[-1])
    assert np.isfinite(losses[:-1]).all()


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
@pytest.mark.parametrize("task", ["adding", "mackey_glass", "odd_numbers"])
def test_numerics_name_the_kernels_alone_and_versions(task: str, schedule: str) -> None:
    how = {"schedule": schedule, **({"step_epochs": 1} if schedule == "step" else {})}
    found = numerics_of(trial("gru", task, train=how))
    assert found.keys() - {"measures", "schedule"} == {"backend", "kernels", "updates"}
    assert ("measures" in found, "schedule" in found) == (task != "adding", schedule == "step")


def test_numerics_of_the_notebooks_protocol_name_pytorch() -> None:
    found = numerics_of(expand(read_study("numbers-notebook"))[0])
    assert {"torch", "cpu"} <= found.keys()


def test_the_cosine_of_schedules() -> None:
    angles = np.concatenate([np.linspace(0, np.pi, 4001), [1e-9, np.pi - 1e-9]])
    right = np.cos(angles.astype(np.longdouble))
    assert np.abs(np.array([cosine(float(angle)) for angle in angles]) - right).max() < 2.0**-52
    assert (cosine(0.0), cosine(math.pi)) == (1.0, -1.0)


def test_what_native_code_does_not_cover_goes_through_the_python_loop() -> None:
    study = Study(
        name="one",
        factors={"task": ["adding"], "model": ["gru"], "length": [5], "seed": [1]},
        task={"train": 20, "test": 20},
        model={"hidden": 4, "layers": 2},
        train={"epochs": 1},
    )
    assert Training(expand(study)[0]).native is None
    assert Training(trial("gru", train={"backend": "torch"})).native is None
    assert torch.is_grad_enabled()
