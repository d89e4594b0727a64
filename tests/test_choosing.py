"""Which trial is taken: the best of those that fit.

Planted and found: the highest error taken for the lowest; the training loss compared where there is a validation error;
incomplete trials taken; a factor of the study ignored; a module, or a state_dict, that shares its weights with the
model; a module on the native kernels; the test loss for the validation loss;
of classes the training loss for it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

import unroll
from tests.sequences import study
from unroll import registry
from unroll.choosing import choose
from unroll.errors import PlugInError, PromptError, StoreError, UnknownNameError
from unroll.models.gru import GRU
from unroll.running import execute
from unroll.store import Store
from unroll.tasks.adding import Adding

PYTORCHS = {torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU}


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
        ({"settings": {"nothing": 1}}, "None of them has such a setting."),
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


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> tuple[unroll.Study, Path]:
    """Trials of a task that generates nothing, on both backends, of each recurrent model."""
    asked = unroll.Study(
        name="sums",
        factors={
            "task": ["adding"],
            "model": ["tanh_rnn", "lstm", "gru"],
            "length": [3],
            "seed": [1, 2],
            "train.backend": ["reference", "auto"],
        },
        task={"train": 32, "validation": 16, "test": 16},
        model={"hidden": 2},
        train={"epochs": 2, "batch": 16},
    )
    path = tmp_path_factory.mktemp("sums") / "results.db"
    execute(asked, path, executor="inline")
    return asked, path


def test_a_model_that_generates_nothing(sums: tuple[unroll.Study, Path]):
    found = unroll.results(*sums)
    model = found.model(found.trials()["key"].iloc[0])
    assert model.rule is None
    with pytest.raises(PromptError, match='The task "adding" generates no sequences'):
        unroll.generate(model, [1, 2, 3])
    with pytest.raises(PromptError, match='The task "adding" generates no sequences'):
        _ = model.settings
    assert found.generation().empty
    assert found.horizons().empty
    assert found.traps().empty
    assert found.window_lag().empty


def test_of_a_task_that_generates_nothing_the_lowest_validation_loss_wins(sums: tuple[unroll.Study, Path]):
    table = metrics(*sums)
    model = unroll.load_model(*sums)
    assert model.trial.key == table["validation_mse"].idxmin()
    chosen = unroll.load_model(*sums, model="lstm", settings={"train.backend": "reference"})
    fitting = table[(table["model"] == "lstm") & (table["train.backend"] == "reference")]
    assert chosen.trial.key == fitting["validation_mse"].idxmin()
    assert len(fitting) == 2


def test_so_it_does_of_a_task_of_classes(tmp_path: Path):
    asked = unroll.Study(
        name="copies",
        factors={"task": ["copy"], "model": ["gru"], "length": [2], "seed": [7, 8]},
        task={"train": 4, "validation": 2, "test": 2, "items": 1},
        model={"hidden": 2},
        train={"epochs": 1, "batch": 16},
    )
    execute(asked, tmp_path / "r.db", executor="inline")
    table = metrics(asked, tmp_path / "r.db")
    assert table["validation_nats"].idxmin() != table["train_loss"].idxmin()
    assert unroll.load_model(asked, tmp_path / "r.db").trial.key == table["validation_nats"].idxmin()


def test_every_trial_is_loaded_by_its_key_with_its_weights(sums: tuple[unroll.Study, Path]):
    """As a plain module, by state_dict and in the store: the same numbers, and the loss that was measured."""
    from unroll.training import Training

    _, store = sums
    for key, row in metrics(*sums).iterrows():
        model = unroll.load_model(key[:10], store)
        assert model.trial.key == key
        module, weights = model.module(), model.state_dict()
        assert {type(layer) for layer in module.modules() if isinstance(layer, torch.nn.RNNBase)} <= PYTORCHS
        assert not module.training
        with Store.open(store) as opened:
            stored = safetensors.torch.load(opened.parameters(key))
        assert stored.keys() == weights.keys() == module.state_dict().keys()
        for name, values in weights.items():
            assert torch.equal(values, stored[name])
            assert torch.equal(values, module.state_dict()[name])
        test = Training(model.trial).test
        with torch.no_grad():
            loss = torch.nn.functional.mse_loss(module(test.inputs()), test.y).item()
        assert loss == pytest.approx(row["test_mse"], rel=1e-5)


def test_models_without_a_recurrence_are_loaded_as_they_were_trained(store: Path):
    with Store.open(store) as opened:
        for record in opened.trials():
            model = unroll.load_model(record.key, store)
            stored = safetensors.torch.load(opened.parameters(record.key))
            assert {name: values.dtype for name, values in stored.items()} == {
                name: values.dtype for name, values in model.state_dict().items()
            }
            assert all(torch.equal(values, stored[name]) for name, values in model.module().state_dict().items())


def test_what_is_done_to_a_module_is_not_done_to_the_model(sums: tuple[unroll.Study, Path]):
    model = unroll.load_model(*sums, model="gru")
    before = {name: values.clone() for name, values in model.state_dict().items()}
    module = model.module()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1.0)
        for values in model.state_dict().values():
            values.add_(1.0)
    assert all(torch.equal(values, before[name]) for name, values in model.state_dict().items())


def test_a_key_alone_names_a_trial(sums: tuple[unroll.Study, Path]):
    store = sums[1]
    key = unroll.results(*sums).trials()["key"].iloc[0]
    with pytest.raises(UnknownNameError, match=r"is the key of one trial: seed would choose nothing\. Leave it out"):
        unroll.load_model(key, store, seed=1)
    with pytest.raises(UnknownNameError, match="No trial 0000000 in the store"):
        unroll.load_model("0000000", store)


@pytest.mark.parametrize("part", ["task", "model"])
def test_weights_of_another_version_are_not_taken_for_this_one_s(
    part: str, sums: tuple[unroll.Study, Path], monkeypatch: pytest.MonkeyPatch
):
    """The shapes may fit, and the network would compute something else."""
    plugin = {"task": Adding, "model": GRU}[part]
    key = unroll.load_model(*sums, model="gru").trial.key
    monkeypatch.setattr(plugin, "version", "7")
    monkeypatch.setattr({"task": registry.tasks, "model": registry.models}[part], "_versions", {})
    message = (
        f'The {part} "{plugin.name}" has changed since gru on adding, T = 3, seed . .{key[:8]}. was trained: 1 then, 7'
    )
    with pytest.raises(PlugInError, match=message):
        unroll.load_model(key, sums[1])


def test_a_setting_is_named_as_files_name_it(sums: tuple[unroll.Study, Path]):
    """PyTorch's own layers as "torch", None as "none"."""
    named = {"train.backend": "torch", "train.clip_norm": "none"}
    assert unroll.load_model(*sums, settings=named).trial.train.backend == "reference"
    compared = unroll.results(*sums).compare({"train.backend": "torch"}, {"train.backend": "auto"})
    assert compared["n"].tolist() == [2] * 4


def test_several_tasks_are_not_compared_by_their_losses(tmp_path: Path):
    both = unroll.Study(
        name="both",
        factors={"task": ["adding", "odd_numbers"], "model": ["gru"], "length": [5], "seed": [1]},
        model={"hidden": 2},
    )
    with pytest.raises(UnknownNameError, match=r"both has 2 tasks that fit\. Choose one: adding, odd_numbers\."):
        unroll.load_model(both, tmp_path / "none.db")
