"""What is measured of a network that generates: against a perfect oracle and numbers worked out by hand.

Planted and found: inputs compared before they are coded; regimes of a notebook trial parted from other streams than its
training; a regime that training has seen; a prompt one value short; the worst sequence for the median one; a bound
without the bias; the validation error relative instead of in the task's own units; a horizon counted from
the first error on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.measures.recorded import recorded
from tests.sequences import ORACLES, Oracle, finish, oracle, study, trained
from unroll import Study, expand
from unroll.measures.base import Recorded
from unroll.models.network import Bounded, Network
from unroll.models.resolve import resolve
from unroll.streams import KeyedStreams
from unroll.study import Trial
from unroll.training import Training
from unroll.training.result import axis_of

RAW = {"task_settings": {"representation": "raw"}}
REGIMES = {
    "odd_numbers": ("within", "longer", "larger", "starts", "step"),
    "fibonacci": ("within", "longer", "larger", "starts"),
}


WIDE = {"odd_numbers": {"starts": [[1, 61, 0.25]]}, "fibonacci": {"starts": [[0, 9], [1, 20]]}}
"""Ranges that leave something new in each regime."""


def one(task: str = "odd_numbers", model: str = "tanh_rnn", **parts) -> Trial:
    settings = {"task_settings": {**RAW["task_settings"], **WIDE.get(task, {})}}
    return expand(study(task, model, **{**settings, **parts}))[0]


def measured(network: Network, trial: Trial) -> Recorded:
    return recorded(trial, network)


@pytest.mark.parametrize("task", REGIMES)
def test_a_perfect_oracle_is_never_wrong(task: str):
    found = measured(ORACLES[task], one(task))
    for regime in REGIMES[task]:
        assert found.sequences[regime] > 1
        for name in ("absolute_error", "relative_error", "one_step_error"):
            assert found.histories[f"{name}_{regime}"].shape == (32,)
            assert (found.histories[f"{name}_{regime}"] == 0).all(), (name, regime)
        assert found.metrics[f"one_step_mse_{regime}"] == 0
        assert found.metrics[f"horizon_1pct_{regime}"] == 32
    assert found.metrics["relative_error_8"] == found.metrics["free_running_validation"] == 0
    np.testing.assert_array_equal(found.histories["continuation"], found.histories["truth"])
    assert (found.histories["relative_error"] == 0).all()
    assert "output_bound" not in found.metrics


def test_priming_twice_is_measured():
    found = measured(ORACLES["odd_numbers"], one(generate={"prime": "twice"}))
    assert found.histories["absolute_error_within"][0] == 2.0, "the last value again instead of the next one"
    assert found.metrics["horizon_1pct_within"] == 0
    assert found.metrics["one_step_mse_within"] == 0, "with the truth fed, nothing is primed"
    assert list(found.histories["continuation"]) == [9.0] * 8


def test_errors_by_hand():
    """A model that adds 3 to an odd number: after k steps it is k too high, and after each true value 1."""
    adds_three = Oracle(lambda last: last[0] + 3, 1)
    found = measured(adds_three, one(generate={"horizon": 10, "steps": 4, "prompt": [1, 3, 5, 7, 9]}))
    np.testing.assert_array_equal(found.histories["absolute_error_larger"], np.arange(1, 11))
    assert found.metrics["one_step_mse_larger"] == 1.0
    assert found.metrics["free_running_validation"] == pytest.approx((1 + 2 + 3 + 4) / 4)
    np.testing.assert_array_equal(found.histories["prompt"], [1, 3, 5, 7, 9])
    np.testing.assert_array_equal(found.histories["continuation"], [12, 15, 18, 21])
    np.testing.assert_allclose(found.histories["relative_error"], [1 / 11, 2 / 13, 3 / 15, 4 / 17], rtol=1e-6)


def test_relative_errors_and_the_horizon_of_one_per_cent_by_hand():
    """A model that adds 2.2 to an odd number: after k steps it is 0.2 k too high."""
    trial = one(generate={"horizon": 10}, **RAW)
    found = measured(Oracle(lambda last: last[0] + 2.2, 1), trial)
    larger = resolve(trial).task.regimes(KeyedStreams(1), 5)["larger"]
    errors = 0.2 * np.arange(1, 11) / larger[:, 5:15]
    np.testing.assert_allclose(found.histories["relative_error_larger"], np.median(errors, axis=0), rtol=1e-6)
    assert found.metrics["relative_error_8_larger"] == pytest.approx(np.median(errors, axis=0)[7])
    reach = int((np.median(errors, axis=0) <= 0.01).argmin())
    assert 0 < reach < 10
    assert found.metrics["horizon_1pct_larger"] == reach


def test_a_network_that_runs_away_is_infinitely_wrong_and_no_crash():
    explodes = Oracle(lambda last: last[0] * 1e200, 1)
    found = measured(explodes, one())
    assert np.isinf(found.histories["absolute_error_within"][-1])
    assert found.metrics["relative_error_8"] == np.inf
    assert not any(np.isnan(value) for value in found.metrics.values())


@pytest.mark.parametrize("model", ["tanh_rnn", "lstm", "gru"])
def test_no_output_leaves_the_bound(model: str):
    one_ = trained("odd_numbers", model, **RAW)
    bound = one_.network.output_bound()
    readout = one_.network.readout
    assert bound == pytest.approx(readout.weight.abs().sum().item() + readout.bias.abs().item())
    with torch.no_grad():
        outputs = one_.network(torch.randn(200, 30, 1) * 100)
    assert outputs.abs().max() <= bound + 1e-5
    assert outputs.abs().max() > bound / 10


def test_without_a_bounded_state_there_is_no_bound():
    relu = trained("odd_numbers", "tanh_rnn", model_settings={"nonlinearity": "relu"}).network
    assert isinstance(relu, Bounded)
    assert relu.output_bound() is None
    for model in ("feedforward", "linear"):
        assert not isinstance(trained("odd_numbers", model).network, Bounded)
    assert not isinstance(oracle("fibonacci").network, Bounded)


def test_the_ceiling_is_in_the_tasks_own_units():
    whole = {"representation": "raw", "scale": "whole", "split": "none"}
    _, result = finish(expand(study("fibonacci", task_settings=whole))[0])
    assert result.metrics["output_ceiling"] == pytest.approx(8 * result.metrics["output_bound"])
    assert np.abs(result.histories["continuation"]).max() <= result.metrics["output_ceiling"]
    _, coded = finish(expand(study("fibonacci", task_settings={"representation": "last_value"}))[0])
    assert "output_bound" in coded.metrics
    assert "output_ceiling" not in coded.metrics, "a ratio of the past has no ceiling in the numbers"


def test_a_result_holds_the_measures_with_their_axis_and_repeats_to_the_bit():
    trial = one("fibonacci", "gru")
    (_, first), (_, second) = finish(trial), finish(trial)
    assert first.digest == second.digest
    assert axis_of("relative_error_within") == axis_of("continuation") == "horizon"
    assert axis_of("loss") == "update"
    assert {"dropped_validation", "dropped_test", "relative_error_8", "solved"} <= first.metrics.keys()
    assert first.metrics["solved"] == float(first.metrics["relative_error_8"] < 0.01)
    changed = {**first.histories, "continuation": first.histories["continuation"] + 1}
    assert type(first)(first.metrics, changed, first.parameters).digest != first.digest


def test_a_task_that_asks_for_one_value_is_measured_one_step_ahead():
    trial = one("announce", "linear", factors={"length": [4]}, model_settings={"window": 4})
    _, result = finish(trial)
    assert result.histories["relative_error_within"].shape == (1,)
    assert result.metrics["horizon_1pct_within"] == 1, "linear knows it"
    assert "relative_error_8" not in result.metrics
    assert "continuation" not in result.histories
    _, given = finish(trial.replace(generate={"prompt": (0.25, 0.0, 0.0, 0.0), "steps": 1}))
    np.testing.assert_allclose(given.histories["continuation"], [0.25], atol=1e-6)


SEEN: list[tuple[str, str, Mapping[str, Any]]] = [
    ("odd_numbers", "keyed", {}),
    ("fibonacci", "keyed", {"representation": "prefix_max"}),
    ("geometric", "keyed", {"representation": "last_value"}),
    ("linear_recurrence", "keyed", {"representation": "difference"}),
    ("announce", "keyed", {}),
    ("odd_numbers", "notebook", {}),
    ("fibonacci", "notebook", {}),
    ("fibonacci", "notebook", {"scale": "whole"}),
]


@pytest.mark.parametrize(("task", "protocol", "settings"), SEEN)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_measured_was_not_trained_on(task: str, protocol: str, settings: Mapping[str, Any], seed: int):
    """As the network sees it: the prompts of every regime, that of the study, and the test windows."""
    asked = {"representation": "raw", "train": 300, "validation": 60, "test": 60, **settings}
    trial = expand(study(task, seeds=(seed,), protocol=protocol, task_settings=asked))[0]
    training, prompts = Training(trial), []

    class Watched(Oracle):
        def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
            if state is None:
                prompts.append([])
            prompts[-1].append(x_t[:, 0].float().numpy())
            return super().step(x_t, state)

    measured(Watched(lambda last: last[0], 1), trial)
    trained = {row.tobytes() for row in training.train.x[..., 0].numpy()}
    tested = {row.tobytes() for row in training.test.x[..., 0].numpy()}
    assert trained
    assert not trained & tested
    length = trial.length
    for read in prompts:
        seen = np.stack(read[:length], axis=1)
        assert not trained & {row.tobytes() for row in seen}
    within = {row.tobytes() for row in np.stack(prompts[-2][:length], axis=1)}
    assert len(within) == len(np.stack(prompts[-2][:length], axis=1))


def test_the_overlap_is_stored_outside_the_digest():
    (_, found), (_, constant), (_, free) = (
        finish(expand(study("odd_numbers", "linear", task_settings=settings))[0])
        for settings in (RAW["task_settings"], {"representation": "difference"}, {"split": "none"})
    )
    names = {"train_inputs", "test_inputs", "test_seen", "dropped_train", "n_within", "n_larger", "n_step"}
    assert names <= found.measured["overlap"].metrics.keys()
    assert found.metrics.keys() & names == set()
    assert found.measured["overlap"].metrics["test_seen"] == 0
    assert found.measured["overlap"].metrics["dropped_train"] > 0
    one_only = {"train_inputs": 1, "test_inputs": 1, "test_seen": 1, "dropped_train": 0, "n_within": 1, "n_larger": 0}
    assert one_only.items() <= constant.measured["overlap"].metrics.items()
    assert "relative_error_larger" not in constant.histories
    assert free.measured["overlap"].metrics["test_seen"] == 1
    other = type(found)(found.metrics, found.histories, found.parameters, {})
    assert other.digest == found.digest


@pytest.mark.parametrize(("length", "seen"), [(3, 8), (30, 0)])
def test_symbols_that_were_trained_on_are_counted(length: int, seen: int):
    """Of three bits there are eight strings; of thirty so many that none comes twice."""
    parity = Study(
        name="parity",
        factors={"task": ["parity"], "model": ["tanh_rnn"], "length": [length], "seed": [1]},
        task={"train": 200, "validation": 0, "test": 100},
        model={"hidden": 2},
        train={"epochs": 1},
    )
    _, result = finish(expand(parity)[0])
    counts = result.measured["overlap"].metrics
    assert counts == {
        "train_inputs": seen or 200,
        "test_inputs": seen or 100,
        "test_seen": float(seen == 8),
        "dropped_train": 0,
    }


def test_models_are_compared_where_all_can_answer():
    """The linear rule knows nothing at the first steps of a window, and all at the last."""
    settings = {"starts": [[-20, 20], [-20, 20]], "representation": "raw"}
    _, found = finish(expand(study("linear_recurrence", "linear", task_settings=settings))[0])
    assert found.metrics["test_mse"] > 0.1
    assert found.measured["common"].metrics["test_mse_common"] < 1e-6
    _, asked_once = finish(one("announce", "linear", factors={"length": [4]}, model_settings={"window": 4}))
    assert "common" not in asked_once.measured


def test_nothing_is_measured_of_a_task_that_does_not_generate():
    factors = {"task": ["adding"], "model": ["gru"], "length": [3], "seed": [1]}
    trial = expand(study("adding", factors=factors))[0]
    _, result = finish(trial)
    assert "relative_error_8" not in result.metrics
    assert "continuation" not in result.histories
