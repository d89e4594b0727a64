"""Which trial is taken: the best of those that fit.

Planted and found: the highest error taken for the lowest; the training loss compared where there is a validation error;
incomplete trials taken; a factor of the study ignored.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import unroll
from tests.sequences import study
from unroll.choosing import choose
from unroll.errors import PromptError, StoreError, UnknownNameError
from unroll.running import execute


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "results.db"
    execute(keyed(), path, executor="inline")
    execute(notebook(), path, executor="inline")
    return path


def keyed() -> unroll.Study:
    factors = {"model": ["gru", "linear"], "task.representation": ["difference", "last_value"]}
    where = [{"match": {"model": "gru"}, "model": {"hidden": 3}}]
    return study("odd_numbers", "linear", (1, 2), factors=factors, where=where, name="keyed")


def notebook() -> unroll.Study:
    trap = {"representation": "raw", "scale": "whole", "split": "none", "validation": 0}
    return study("odd_numbers", "tanh_rnn", (1, 2, 3), protocol="notebook", task_settings=trap, name="notebook")


def metrics(asked: unroll.Study, store: Path):
    return unroll.results(asked, store).trials().set_index("key")


def test_the_lowest_free_running_validation_error_wins(store: Path):
    found = choose(keyed(), store, model="gru")
    table = metrics(keyed(), store)
    fitting = table[table["model"] == "gru"]
    assert found.trial.key == fitting["free_running_validation"].idxmin() != fitting["train_loss"].idxmin()
    assert (found.fitting, found.record.key) == (4, found.trial.key)
    assert "the lowest free-running validation error" in found.why
    assert "of the 4 complete trials" in found.why


def test_in_the_notebook_the_lowest_training_loss(store: Path):
    found = choose(notebook(), store)
    assert found.trial.key == metrics(notebook(), store)["train_loss"].idxmin()
    assert "the lowest training loss" in found.why


def test_everything_that_is_given_must_fit(store: Path):
    settings = {"task.representation": "last_value", "model.hidden": 3}
    found = choose(keyed(), store, task="odd_numbers", model="gru", seed=2, length=5, settings=settings)
    assert (found.trial.model, found.trial.seed, found.fitting) == ("gru", 2, 1)
    assert found.trial.task_settings["representation"] == "last_value"
    assert found.why == "the only complete trial that fits"


def test_where_nothing_is_stored_the_first_is_named(tmp_path: Path):
    found = choose(keyed(), tmp_path / "none.db", seed=2)
    assert found.record is None
    assert (found.trial.model, found.trial.seed, found.fitting) == ("gru", 2, 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"task": "odd_number"}, r'no trial with task "odd_number" that fits. Did you mean "odd_numbers"\? There are'),
        ({"model": "lstm"}, "There are: gru, linear."),
        ({"seed": 9}, "There are: 1, 2."),
        ({"length": 6}, "There are: 5."),
        ({"settings": {"task.representation": "raw"}}, "There are: difference, last_value."),
        ({"settings": {"nothing": 1}}, "There are: None."),
    ],
)
def test_what_the_study_does_not_have(given: dict, message: str, store: Path):
    with pytest.raises(UnknownNameError, match=message):
        choose(keyed(), store, **given)


def test_tasks_cannot_be_compared(tmp_path: Path):
    both = study("fibonacci", "gru", factors={"task": ["fibonacci", "odd_numbers"], "length": [5]})
    with pytest.raises(PromptError, match=r"has 2 tasks that generate. Choose one: fibonacci, odd_numbers\."):
        choose(both, tmp_path / "none.db")
    with pytest.raises(PromptError, match="adding generates no sequences"):
        choose(unroll.read_study("adding-quick"), tmp_path / "none.db")


def test_load_model_is_what_generate_continues(store: Path):
    model = unroll.load_model(keyed(), store, model="linear", seed=1, settings={"task.representation": "difference"})
    assert model.rule.startswith("u(t+1) = ")
    made = unroll.generate(model, [5, 7, 9], 4)
    assert list(made.truth) == [11, 13, 15, 17]
    key = model.trial.key
    stored = unroll.results(keyed(), store).model(key[:12])
    assert unroll.generate(stored, [5, 7, 9], 4).continuation.tobytes() == made.continuation.tobytes()


def test_load_model_trains_nothing(store: Path, tmp_path: Path):
    with pytest.raises(StoreError, match=r"holds no complete trial that fits: gru on odd_numbers, T = 5, seed 1\. Run"):
        unroll.load_model(keyed(), tmp_path / "none.db")


def test_a_model_that_generates_nothing(tmp_path: Path):
    factors = {"task": ["adding"], "model": ["gru"], "length": [3], "seed": [1]}
    size = {"train": 32, "test": 16}
    asked = unroll.Study(name="a", factors=factors, task=size, model={"hidden": 2}, train={"epochs": 1})
    execute(asked, tmp_path / "a.db", executor="inline")
    found = unroll.results(asked, tmp_path / "a.db")
    with pytest.raises(PromptError, match='The task "adding" generates no sequences'):
        found.model(found.trials()["key"].iloc[0])
    assert found.generation().empty
    assert found.horizons().empty
    assert found.traps().empty
    assert found.window_lag().empty
