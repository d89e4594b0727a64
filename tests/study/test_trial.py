"""The trial key: the same for the same training, another for another.

Faults that were planted and seen here: a key without the train settings, without the versions, without the protocol;
other separators in the canonical JSON; a cached specification that can be changed; a copy that keeps the key.
"""

import hashlib
import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.study.builders import sound_studies, study, trial
from unroll.study import Study, Trial, expand

VERSIONS = {"task": "1", "model": "1"}

# A change of these is a change of what all stored results are called by: bump FORMAT in study/trial.py.
GOLDEN: list[tuple[dict[str, Any], str]] = [
    ({}, "0e67fd15432789b649b88874656a1199a5c4ddf4fa360f448a2148886a939a1a"),
    (
        {"factors": {"model": ["tanh_rnn"]}, "protocol": "notebook", "train": {"clip_norm": 1.0}},
        "fd2bf19af075854184dcbaa51325700a8f53a2aed4cb21e5a95f3a6ac472eb59",
    ),
    (
        {
            "factors": {"model": ["gru"], "length": [500], "seed": [2**32 - 1]},
            "task": {"markers": "halves"},
            "model": {"layers": 2},
            "train": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 1e-05},
        },
        "cac4c0019225da1d8af0b7718726e5d86a2da64f369b1af3e1efe14ea4acb37b",
    ),
    ({"train": {"backend": "reference"}}, "c29a88c31f73a954054b3ef4c3cd4c3c47557fabf0d31998510ea4bfa0b61a74"),
    ({"train": {"backend": "torch"}}, "c29a88c31f73a954054b3ef4c3cd4c3c47557fabf0d31998510ea4bfa0b61a74"),
    (
        {"factors": {"task": ["announce"], "model": ["gru"]}},
        "bd0e7091c4162f2edadd38830b8e0a707498403567ff3e32df8ff432a8510542",
    ),
    (
        {"factors": {"task": ["geometric"], "model": ["gru"]}, "task": {"representation": "last_value"}},
        "f615f4b769c4dba2469d85bf8803f91f1ea2639a40bfd04f2755a18e4941dbf2",
    ),
]


@pytest.mark.parametrize(("parts", "key"), GOLDEN)
def test_golden_keys(parts: dict[str, Any], key: str) -> None:
    assert trial(**parts).replace(versions=VERSIONS).key == key


@pytest.mark.parametrize("asked", ["torch", "reference"])
def test_torch_is_the_word_for_the_reference_backend(asked: str) -> None:
    wheres = [{"match": {"train.backend": asked}, "train": {"epochs": 3}}]
    for written in ("torch", "reference"):
        (one,) = expand(study(train={"backend": written}, where=wheres))
        assert (one.train.backend, one.train.epochs) == ("reference", 3)
        assert one.spec["settings"]["train"]["backend"] == "reference"


def test_studies_in_both_words_for_the_reference_backend_are_the_same() -> None:
    def written(word: str) -> list[Study]:
        where = [{"match": {"train.backend": word}, "train": {"epochs": 3}}, {"match": {}, "train": {"backend": word}}]
        factors = {"train.backend": [word, "native"]}
        return [
            study(train={"backend": word}, where=where),
            study(factors),
            Study(**{**study().model_dump(), "overrides": {"train.backend": word}}),
            Study(**{**study(factors).model_dump(), "overrides": {"train.backend": [word, "native"]}}),
        ]

    for torch, reference in zip(written("torch"), written("reference"), strict=True):
        assert torch.digest == reference.digest == reference.digest_as_written != torch.digest_as_written
        assert reference.digest != study().digest


def test_the_canonical_form() -> None:
    """Sorted, without spaces: what the golden keys are hashes of."""
    text = (
        '{"format":1,"length":10,"model":"lstm","protocol":"keyed","seed":1,'
        '"settings":{"model":{"hidden":64,"layers":1,"parameters":null},'
        '"task":{"markers":"anywhere","test":2000,"train":10000,"validation":0},'
        '"train":{"backend":"auto","batch":64,"clip_norm":null,"clip_value":null,"epochs":50,'
        '"learning_rate":0.001,"momentum":0.0,"optimizer":"adam"}},'
        '"task":"adding","versions":{"model":"1","task":"1"}}'
    )
    assert trial().replace(versions=VERSIONS).key == hashlib.sha256(text.encode()).hexdigest()


def test_the_same_settings_have_the_same_key_however_written() -> None:
    key = trial().key
    assert trial(train={"epochs": 50, "clip_norm": "none", "backend": "auto"}).key == key
    assert trial(task={"markers": "anywhere", "test": 2000}).key == key
    assert trial({"train.momentum": [0]}).key == trial(train={"momentum": 0.0}).key == key
    assert trial(train={"learning_rate": 1}).key == trial(train={"learning_rate": 1.0}).key
    assert trial(train={"clip_norm": 1}).key == trial({"train.clip_norm": [1.0]}).key
    assert trial(model={"layers": 1, "hidden": 64}).key == trial(model={"hidden": 64, "layers": 1}).key == key
    assert trial(where=[{"match": {"model": "lstm"}, "train": {"epochs": 50}}]).key == key
    assert study(name="other", question="Why?").digest != study().digest
    assert trial(name="other", question="Why?").key == key


CHANGES: list[dict[str, Any]] = [
    {"factors": {"model": ["gru"]}},
    {"factors": {"length": [11]}},
    {"factors": {"seed": [2]}},
    {"protocol": "notebook"},
    {"task": {"train": 9999}},
    {"task": {"validation": 1}},
    {"task": {"test": 1}},
    {"task": {"markers": "halves"}},
    {"model": {"hidden": 63}},
    {"model": {"layers": 2}},
    {"model": {"parameters": 1000}},
    {"train": {"epochs": 51}},
    {"train": {"batch": 65}},
    {"train": {"optimizer": "rmsprop"}},
    {"train": {"learning_rate": 0.0010000000000000002}},
    {"train": {"optimizer": "sgd", "momentum": 0.9}},
    {"train": {"optimizer": "sgd", "momentum": 0.8}},
    {"train": {"clip_norm": 1.0}},
    {"train": {"clip_value": 1.0}},
    {"train": {"backend": "reference"}},
    {"train": {"optimizer": "adamw"}},
    {"train": {"optimizer": "rmsprop", "alpha": 0.9}},
    {"train": {"weight_decay": 0.1}},
    {"train": {"schedule": "cosine"}},
    {"train": {"schedule": "cosine", "final_learning_rate": 1e-4}},
    {"train": {"schedule": "step", "step_epochs": 10}},
    {"train": {"schedule": "step", "step_epochs": 20}},
    {"train": {"schedule": "step", "step_epochs": 10, "step_factor": 0.5}},
    {"train": {"patience": 5}},
    {"train": {"device": "cuda"}},
    {"train": {"device": "mps"}},
    {"train": {"precision": "bf16"}},
]


def test_any_other_setting_is_another_key() -> None:
    keys = [trial().key, *(trial(**change).key for change in CHANGES)]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)


def test_every_setting_is_in_the_list_above() -> None:
    """A setting added later must be added to CHANGES, so that its key is tested too."""
    one = trial()
    known = {"task": one.task_settings, "model": one.model_settings, "train": one.train.model_dump()}
    changed = {(section, name) for change in CHANGES for section in known for name in change.get(section, {})}
    assert changed == {(section, name) for section, values in known.items() for name in values}


def test_another_version_is_another_key() -> None:
    one = trial()
    for version in ({"task": "2", "model": "1"}, {"task": "1", "model": "2"}):
        assert one.replace(versions=version).key != one.key


@settings(max_examples=50, deadline=None)
@given(asked=sound_studies, data=st.data())
def test_keys_tell_trials_apart(asked: Study, data: st.DataObject) -> None:
    """Two trials share their key just if they are equal; a condition, if they are equal but for the seed."""
    trials = expand(asked)
    a, b = data.draw(st.sampled_from(trials)), data.draw(st.sampled_from(trials))
    assert (a.key == b.key) == (a == b) == (a.spec == b.spec)
    assert (a.condition == b.condition) == (a.replace(seed=0) == b.replace(seed=0))
    assert a.replace(seed=(a.seed + 1) % 2**32).key != a.key
    again = Trial.from_spec(json.loads(json.dumps(a.spec)))
    assert (again, again.key, again.condition) == (a, a.key, a.condition)
    other = pickle.loads(pickle.dumps(a))
    assert (other, hash(other), other.key) == (a, hash(a), a.key)


def test_a_copy_has_a_key_of_its_own() -> None:
    one = trial()
    assert one.key
    assert one.model_copy(update={"seed": 2}).key == one.replace(seed=2).key == trial({"seed": [2]}).key


def test_a_trial_says_what_it_is() -> None:
    assert str(trial()) == "lstm on adding, T = 10, seed 1"
