"""Models that are fitted instead of trained go through a run like all others: stored, shown, resumed, planned.

Planted and found: the fit left out; fitted on the test split; the training error taken on the test split; a share of no
updates that divides by zero; sequences counted in the cost instead of windows.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

import unroll
from unroll import Study, expand
from unroll.errors import PlugInError, StudyError
from unroll.models import Model
from unroll.running.calibration import SETUP, Calibration, samples
from unroll.running.planning import check
from unroll.running.schedule import Schedule
from unroll.running.work import Report
from unroll.store import Store
from unroll.training import Result, Training, train
from unroll.training.optimizers import ParameterVector


def study(models: tuple[str, ...] = ("linear", "persistence", "drift"), **parts: Any) -> Study:
    settings = {"train": 200, "validation": 60, "test": 60, "representation": "raw", **parts.pop("task", {})}
    factors = {"task": ["odd_numbers"], "model": [*models], "length": [5], "seed": [1, 2]}
    return Study(name="fitted", factors={**factors, **parts.pop("factors", {})}, task=settings, **parts)


def finish(steps: Any) -> Result:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("fitted") / "results.db"
    unroll.run(study(), store, executor="inline", progress=False)
    return store


def test_they_are_stored_without_updates(finished: Path) -> None:
    with Store.open(finished) as opened:
        for trial in expand(study()):
            histories = opened.histories(trial.key)
            assert not {"loss", "grad_norm", "train_loss", "seconds"} & {*histories}
            assert len(histories["relative_error_within"]) == 32
    frame = unroll.Results(study(), finished).trials()
    assert (frame["state"] == "complete").all()
    assert (frame["parameters"] == 0).all()
    linear = frame[frame["model"] == "linear"]
    assert (linear["solved"] == 1.0).all()
    assert not {"updates_to_solve", "seconds_per_epoch"} & {*frame}


def test_a_second_run_finds_them_done(finished: Path) -> None:
    before = records(finished)
    unroll.run(study(), finished, executor="inline", progress=False)
    assert records(finished) == before


def records(store: Path) -> list[str]:
    """Everything that the store knows of the trials, attempts and times included."""
    with Store.open(store) as opened:
        return [str(opened.trial(trial.key)) for trial in expand(study())]


def test_the_command_runs_and_shows_them(tmp_path: Path, called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fitted.toml").write_text(
        'name = "fitted"\n[factors]\ntask = ["odd_numbers"]\nmodel = ["linear", "drift"]\nlength = [5]\nseed = [1]\n'
        '[task]\ntrain = 100\nvalidation = 30\ntest = 30\nrepresentation = "raw"\n'
    )
    assert called("run", "fitted.toml", "--executor", "inline").code == 0
    shown = called("show", "fitted.toml")
    assert shown.code == 0, shown.err
    assert "linear" in shown.out
    assert "drift" in shown.out


@pytest.mark.parametrize("model", ["linear", "persistence", "drift"])
@pytest.mark.parametrize("at", [1, 3, 5])
def test_frozen_anywhere_they_end_with_the_same_bits(model: str, at: int) -> None:
    trial = expand(study((model,)))[0]
    steps = train(trial)
    for _ in range(at):
        progress = next(steps)
    assert (progress.updates, progress.total, progress.epoch) == (0, 0, 0)
    assert math.isnan(progress.loss)
    again = finish(train(trial, progress.freeze()))
    assert again.digest == finish(train(trial)).digest
    assert again.seconds == 0.0
    assert "seconds_per_epoch" not in again.metrics
    assert {"train_loss", "validation_mse", "test_mse", "dropped_test", "dropped_validation"} <= {*again.metrics}


def test_the_training_error_is_that_of_the_training_windows() -> None:
    """Drift is wrong at the first step of each window alone, by 2: mean squared error 4 / 5."""
    result = finish(train(expand(study(("drift",)))[0]))
    assert result.metrics["train_loss"] == pytest.approx(4 / 5)
    assert result.metrics["test_mse"] == pytest.approx(4 / 5)


def test_they_are_fitted_on_the_training_split() -> None:
    trial = expand(study(("linear",), factors={"task": ["sine"]}))[0]
    training = Training(trial)
    finish(training.run())
    again = Training(trial).network
    again.fit(training.train.inputs(), training.train.y)
    assert torch.equal(again.weights, training.network.weights)
    again.fit(training.test.inputs(), training.test.y)
    assert not torch.equal(again.weights, training.network.weights)


def test_dropped_windows_are_among_the_metrics() -> None:
    trial = expand(study(("linear",)))[0]
    training, result = Training(trial), finish(train(trial))
    assert result.metrics["dropped_validation"] == training.dropped["validation"] > 0
    assert result.measured["overlap"].metrics["dropped_train"] == training.dropped["train"] > 0
    assert result.metrics["dropped_test"] == 0
    whole = expand(study(("linear",), task={"split": "none"}))[0]
    assert finish(train(whole)).metrics["dropped_validation"] == 0


def test_they_cost_their_setup_and_are_not_measured() -> None:
    trials = expand(study(("linear", "tanh_rnn")))
    fitted = [trial for trial in trials if trial.model == "linear"]
    assert {trial.model for (trial,) in samples(trials, {}, 1).cohorts} == {"tanh_rnn"}
    assert Calibration().cost(fitted[0]) == SETUP
    schedule = Schedule(fitted, Calibration(), 2)
    first = schedule.next()
    schedule.report(first, Report(0, 0, 0, 0.1, 0, math.nan))
    assert schedule.seconds_left() > 0
    schedule.end(first)
    schedule.end(schedule.next())
    assert schedule.share_done() == 1.0


def test_windows_count_in_what_a_trial_costs() -> None:
    """2,000 runs of odd numbers are 7,000 windows of five."""
    trial = expand(study(("tanh_rnn",), task={"train": 2_000, "validation": 0, "test": 1}, train={"epochs": 1}))[0]
    one = Calibration().update_seconds(trial)
    assert Calibration().cost(trial) == pytest.approx(SETUP + (110 + 0.3) * one, rel=1e-2)


def test_a_model_that_cannot_do_its_task_is_named_before_anything_runs() -> None:
    wrong = study(("drift", "persistence", "linear"), task={"representation": "difference"})
    with pytest.raises(StudyError) as caught:
        check(wrong)
    said = [str(problem) for problem in caught.value.problems]
    assert len(said) == 2
    assert all('task.representation is "difference". Set it to "raw"' in text for text in said)
    raw = [{"match": {"model": ["drift", "persistence"]}, "task": {"representation": "raw"}}]
    assert len(check(study(task={"representation": "difference"}, where=raw))) == 6


def test_a_trained_model_needs_parameters() -> None:
    from unroll.models.persistence import Persistence

    network = Persistence().build(1, 1, "every")
    assert len(ParameterVector(network, needed=False).values) == 0
    with pytest.raises(PlugInError, match="found: none"):
        ParameterVector(network)
    assert not Model.fitted
