"""Early stopping: when it ends a training, which weights are kept, and that a stopped and resumed one ends the same.

The oracle is the same trial without patience, watched from outside: the weights after each of its epochs are read from
its checkpoints, and its validation losses say which of them must have been kept.

Planted and found: the test split watched in the place of the validation split; the last epoch's weights kept; one
epoch too many; a tie taken for better; best weights that are left out of a checkpoint; best weights that the
optimizer goes on changing; a resumed training that forgets that it was over.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load

from tests.training.test_loop import finish, trial
from unroll import expand
from unroll.errors import CheckpointError, StudyError
from unroll.running.judging import judge
from unroll.study import Study, TrainSettings, Trial
from unroll.training import Result, Training, single_thread, train
from unroll.training.early_stopping import best_epoch, is_over
from unroll.training.tensors import unpack

WILD = {"epochs": 12, "learning_rate": 0.3, "batch": 16}
"""Steps so large that the validation loss goes up and down."""


def patient(patience: int | None, **more: object) -> Trial:
    how = {**WILD, **more.pop("train", {})}  # type: ignore[dict-item]
    return trial(model="tanh_rnn", train={**how, **({} if patience is None else {"patience": patience})}, **more)


def epoch_by_epoch(one: Trial) -> tuple[list[float], list[dict[str, np.ndarray]]]:
    """Return the validation losses of a training to its end, and its weights after each epoch."""
    training = Training(one)
    weights: list[dict[str, np.ndarray]] = []
    for progress in training.run():
        if progress.updates == 5 * (len(weights) + 1):  # the epoch's last update was made: no other moves them before
            weights.append({name: tensor.numpy().copy() for name, tensor in training.network.state_dict().items()})
    return training.histories["validation_loss"].tolist(), weights


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("patience", [1, 2, 4, 12])
def test_it_ends_and_keeps_what_the_whole_training_says(patience: int, seed: int) -> None:
    with single_thread():
        losses, weights = epoch_by_epoch(patient(None, seed=seed))
        result = finish(train(patient(patience, seed=seed)))
    best, end = 0, len(losses)
    for epoch in range(len(losses)):
        if losses[epoch] < losses[best]:
            best = epoch
        if epoch - best >= patience:
            end = epoch + 1
            break
    assert result.metrics["epochs_trained"] == end
    assert result.metrics["best_epoch"] == best + 1
    assert result.histories["validation_loss"].tolist() == losses[:end]
    assert {name: len(values) for name, values in result.histories.items()} == {
        "loss": 5 * end, "grad_norm": 5 * end, "train_loss": end, "validation_loss": end, "seconds": end,
    }  # fmt: skip
    stored = load(result.parameters)
    for name, values in weights[best].items():
        np.testing.assert_array_equal(stored[name], values)
    assert np.float32(result.metrics["validation_mse"]) == np.float32(losses[best])
    assert np.float32(result.metrics["train_loss"]) == result.histories["train_loss"][best]


def test_some_end_early_and_what_is_tested_is_what_is_kept() -> None:
    with single_thread():
        results = [finish(train(patient(2, seed=seed))) for seed in (1, 2, 3, 4)]
        assert any(result.metrics["epochs_trained"] < 12 for result in results)
        assert any(result.metrics["best_epoch"] < result.metrics["epochs_trained"] for result in results)
        for seed, result in zip((1, 2, 3, 4), results, strict=True):
            training = Training(patient(2, seed=seed))
            weights = {name: torch.from_numpy(values) for name, values in load(result.parameters).items()}
            training.network.load_state_dict(weights)
            x, y = training.test.x, training.test.y
            with torch.no_grad():
                loss = torch.nn.functional.mse_loss(training.network(x), y).item()
            assert result.metrics["test_mse"] == pytest.approx(loss, rel=1e-5)


@settings(max_examples=100, deadline=None)
@given(losses=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=12), patience=st.integers(1, 5))
def test_the_rule_by_hand(losses: list[float], patience: int) -> None:
    best, since = losses[0], 0
    for loss in losses[1:]:
        best, since = (loss, 0) if loss < best else (best, since + 1)
    values = np.array(losses, dtype=np.float32)
    assert is_over(values, patience) == (since >= patience)
    assert best_epoch(values) == losses.index(min(losses)) + 1


def resumed(one: Trial, at: int) -> Result:
    """Train, freeze at yield ``at``, go on from the checkpoint as a store gives it back."""
    steps = train(one)
    for _ in range(at):
        progress = next(steps)
    checkpoint = progress.freeze()
    steps.close()
    stored = replace(checkpoint, position=json.loads(json.dumps(checkpoint.position)))
    return finish(train(one, stored))


def yields(one: Trial) -> int:
    return sum(1 for _ in train(one))


RESUMED = [
    {},
    {"optimizer": "adamw", "weight_decay": 0.05},
    {"optimizer": "rmsprop", "alpha": 0.9, "learning_rate": 0.05},
    {"schedule": "cosine"},
    {"schedule": "step", "step_epochs": 2, "step_factor": 0.5},
]


@pytest.mark.parametrize("how", RESUMED, ids=str)
def test_resumed_at_every_place_it_ends_with_the_same_bits(how: dict) -> None:
    """At each update, in each evaluation, at each epoch's border and in the test: every yield there is."""
    one = patient(2, seed=2, train={"epochs": 3 if how else 6, **how})
    with single_thread():
        expected = finish(train(one))
        for at in range(1, yields(one) + 1):
            assert resumed(one, at).digest == expected.digest, at


@pytest.mark.parametrize("protocol", ["keyed", "notebook"])
def test_resumed_under_both_protocols(protocol: str) -> None:
    one = patient(2, protocol=protocol, seed=2)
    with single_thread():
        expected, last = finish(train(one)), yields(one)
        assert expected.metrics["epochs_trained"] < 12
        for at in {1, 5, 6, 7, last // 2, last - 2, last}:
            assert resumed(one, at).digest == expected.digest, at


@pytest.mark.parametrize("fault", ["missing", "strange", "early"])
def test_best_weights_that_are_not_those_of_a_checkpoint_are_damage(fault: str) -> None:
    from tests.training.test_checkpoint import sealed

    one = patient(2)
    steps = train(one)
    for _ in range(3 if fault == "early" else 9):
        progress = next(steps)
    checkpoint = progress.freeze()
    arrays = load(checkpoint.tensors)
    best = [name for name in arrays if name.startswith("best.")]
    assert bool(best) == (fault != "early"), "before the end of the first epoch there is none"
    if fault == "missing":
        arrays.pop(best[0])
    elif fault == "strange":
        arrays[best[0]] = np.zeros(99, dtype=np.float32)
    else:
        arrays["best.readout.bias"] = np.zeros(1, dtype=np.float32)
    with pytest.raises(CheckpointError, match="damaged"):
        Training(one, sealed(checkpoint, arrays))


def test_best_weights_are_not_the_weights_that_go_on() -> None:
    """A checkpoint some updates after the best epoch holds both, and they differ."""
    steps = train(patient(12))
    for progress in steps:
        if progress.epoch == 3 and progress.updates == 17:
            break
    checkpoint = progress.freeze()
    arrays = load(checkpoint.tensors)
    kinds = {name: (values.dtype, values.shape) for name, values in arrays.items()}
    assert unpack(checkpoint.tensors, kinds).keys() == arrays.keys()
    names = [name.removeprefix("best.") for name in arrays if name.startswith("best.")]
    assert any((arrays[f"best.{name}"] != arrays[f"network.{name}"]).any() for name in names)


def test_patience_without_validation_is_refused_before_anything_is_trained() -> None:
    asked = Study(
        name="blind",
        factors={"task": ["adding"], "model": ["gru"], "length": [3], "seed": [1]},
        task={"validation": 0},
        train={"patience": 3},
    )
    with pytest.raises(StudyError, match=r"train\.patience: early stopping watches .* Set task\.validation"):
        expand(asked, judge=judge)
    with pytest.raises(StudyError, match="early stopping watches"):
        Training(expand(asked)[0])


def test_a_fitted_model_makes_no_updates_that_could_stop() -> None:
    from tests.sequences import study

    one = expand(study("odd_numbers", "linear"))[0]
    result = finish(train(one.replace(train=TrainSettings(patience=1))))
    assert "epochs_trained" not in result.metrics


def test_the_test_split_decides_nothing():
    """Neither which epoch is kept nor when it is over: only what is said of it in the end."""
    few, many = (trial(task={"test": n}, train={"epochs": 6, "patience": 2}) for n in (5, 60))
    with single_thread():
        one, other = finish(train(few)), finish(train(many))
    assert one.parameters == other.parameters
    assert one.histories["validation_loss"].tobytes() == other.histories["validation_loss"].tobytes()
    assert one.metrics["test_mse"] != other.metrics["test_mse"]
