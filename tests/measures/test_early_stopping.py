"""Where early stopping ended trainings: in tables, on the terminal, in JSON, in the report; nothing where it is unused.

Planted and found: trials that trained all epochs counted as ended early; the last epoch in the column of the best; an
empty table where no trial was trained with patience; a default that a key leaves out left out of the report's settings.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import unroll
from tests.cli.conftest import unroll as command  # noqa: F401 - a fixture
from unroll.measures.early_stopping.table import early_stopping
from unroll.report import report
from unroll.report.facts import settings
from unroll.running import execute
from unroll.store import Store


def frame(**more: list) -> pd.DataFrame:
    rows = {"task": ["a"] * 4, "model": ["m", "m", "n", "n"], "length": [3] * 4, "train.epochs": [9] * 4, **more}
    return pd.DataFrame(rows)


def test_one_row_a_condition_with_each_seed() -> None:
    found = early_stopping(frame(epochs_trained=[9.0, 5.0, None, 9.0], best_epoch=[9.0, 2.0, None, 4.0]))
    assert found.to_dict("records") == [
        {"task": "a", "model": "m", "length": 3, "n": 2, "epochs": 9, "stopped": 1, "epochs_trained": [9, 5],
         "best_epoch": [9, 2]},
        {"task": "a", "model": "n", "length": 3, "n": 1, "epochs": 9, "stopped": 0, "epochs_trained": [9],
         "best_epoch": [4]},
    ]  # fmt: skip
    assert early_stopping(frame()).empty
    assert early_stopping(frame(epochs_trained=[None] * 4, best_epoch=[None] * 4)).empty


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The paths of a study in which patience is a factor, and of its store."""
    folder = tmp_path_factory.mktemp("stopped")
    text = """
    name = "stopped"
    [factors]
    task = ["adding"]
    model = ["tanh_rnn"]
    length = [4]
    seed = [1, 2, 3]
    "train.patience" = ["none", 1]
    [task]
    train = 70
    validation = 20
    test = 30
    [model]
    hidden = 5
    [train]
    epochs = 12
    batch = 16
    learning_rate = 0.3
    """
    (folder / "stopped.toml").write_text(text)
    study = unroll.read_study(folder / "stopped.toml")
    execute(study, folder / "results.db", executor="inline")
    return str(folder / "stopped.toml"), str(folder / "results.db")


def test_what_is_shown_is_what_each_trial_stores(stopped: tuple[str, str], command: Callable) -> None:  # noqa: F811
    path, store = stopped
    results = unroll.results(unroll.read_study(path), store)
    (row,) = results.early_stopping().to_dict("records")
    trials = results.trials()
    trials = trials[trials["train.patience"].map(lambda patience: patience == 1)]
    assert row["epochs_trained"] == trials["epochs_trained"].tolist()
    assert row["best_epoch"] == trials["best_epoch"].tolist()
    assert 0 < row["stopped"] == sum(epochs < 12 for epochs in row["epochs_trained"])
    for key, epochs in zip(trials["key"], row["epochs_trained"], strict=True):
        assert len(results.history(key, "validation_loss")) == epochs

    shown = command("show", path, "--store", store).out
    assert "Early stopping: the weights of the best epoch are tested and stored" in shown
    assert "  ".join(map(str, row["epochs_trained"])) in shown
    rows = json.loads(command("show", path, "--store", store, "--json").out)["conditions"]
    assert [one.get("early_stopping", [{}])[0].get("best_epoch") for one in rows] == [None, row["best_epoch"]]
    one = command("show", trials["key"].iloc[0][:12], "--store", store).out
    assert "epochs_trained" in one
    assert "best_epoch" in one
    page = report(results)
    assert "Early stopping" in page
    assert f"{row['stopped']} of 3" in page
    (fact,) = (fact for fact in settings(results.planned)["train"] if fact.name == "patience")
    assert fact.values == ("none", "1")


def test_ragged_curves_are_read(stopped: tuple[str, str]) -> None:
    results = unroll.results(unroll.read_study(stopped[0]), stopped[1])
    assert results.curves("validation_loss")["last"].max() == 12
    assert "median is over those that go on" in report(results)
    with Store.open(Path(stopped[1])) as opened:
        assert opened.verify().faults == ()


def test_without_patience_nothing_is_said(stopped: tuple[str, str], tmp_path: Path, command: Callable) -> None:  # noqa: F811
    path = stopped[0]
    execute(unroll.read_study(path, ["train.patience=none", "seed=1"]), tmp_path / "a.db", executor="inline")
    shown = command("show", path, "--store", tmp_path / "a.db", "--set", "train.patience=none", "--set", "seed=1")
    assert shown.code == 0, shown.err
    assert "Early stopping" not in shown.out
    results = unroll.results(unroll.read_study(path, ["train.patience=none", "seed=1"]), tmp_path / "a.db")
    assert results.early_stopping().empty
    assert "Early stopping" not in report(results)
