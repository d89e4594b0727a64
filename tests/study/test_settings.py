"""Settings and studies never change, and survive the way to another process."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.study.builders import sound_studies, study, trial
from unroll.study import Settings, Study, TrainSettings

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(st.text(max_size=3), plain_values, max_size=4)


@given(table=tables)
def test_settings_are_a_mapping_that_hashes_and_pickles(table: dict[str, Any]) -> None:
    made = Settings(table)
    assert made.plain() == table
    assert (len(made), list(made)) == (len(table), list(table))
    assert made == Settings(dict(reversed(table.items())))
    assert hash(made) == hash(Settings(dict(reversed(table.items()))))
    again = pickle.loads(pickle.dumps(made))
    assert (again, hash(again)) == (made, hash(made))


@given(table=tables)
def test_settings_keep_nothing_of_what_they_were_made_from(table: dict[str, Any]) -> None:
    inner = {"list": [1], "table": {"a": [1]}}
    made = Settings({**table, "x": inner})
    inner["list"].append(2)
    inner["table"]["a"].append(2)
    made.plain()["x"]["list"].append(3)
    assert made["x"] == {"list": (1,), "table": {"a": (1,)}}


def test_settings_cannot_be_changed() -> None:
    made = Settings(a=1, b=[{"c": 2}])
    with pytest.raises(TypeError):
        made["a"] = 2  # type: ignore[index]
    with pytest.raises(TypeError):
        del made["a"]  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        made["b"][0]["c"] = 3
    with pytest.raises(AttributeError):
        made.a = 2  # type: ignore[attr-defined]
    assert not hasattr(made["b"], "append")


def test_studies_and_trials_cannot_be_changed() -> None:
    asked, one = study(train={"epochs": 2}), trial()
    for owner, name in ((asked, "name"), (asked, "factors"), (one, "seed"), (one, "train"), (one.train, "epochs")):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(owner, name, 5)
        with pytest.raises(ValidationError, match="frozen"):
            delattr(owner, name)
    with pytest.raises(ValidationError):
        one.other = 1
    key = one.key
    one.spec["settings"]["train"]["epochs"] = 99
    asked.model_dump()["train"]["epochs"] = 99
    assert (one.spec["settings"]["train"]["epochs"], one.replace().key) == (50, key)
    assert asked.train["epochs"] == 2


@given(asked=sound_studies)
def test_studies_hash_and_pickle(asked: Study) -> None:
    before = asked.digest
    again = pickle.loads(pickle.dumps(asked))
    assert (again, hash(again), again.digest) == (asked, hash(asked), before)
    assert Study(**asked.model_dump()) == asked


def test_a_copy_has_a_digest_of_its_own() -> None:
    asked = study()
    assert asked.digest
    assert asked.model_copy(update={"question": "Why?"}).digest == study(question="Why?").digest != asked.digest
    assert asked.model_copy() == asked


def test_train_settings_are_strict() -> None:
    assert (
        TrainSettings(clip_norm="none", learning_rate=1).model_dump() == TrainSettings(learning_rate=1.0).model_dump()
    )
    for wrong in ({"epochs": 1.0}, {"epochs": True}, {"batch": "64"}, {"learning_rate": "0.1"}, {"clip_norm": -1.0}):
        with pytest.raises(ValidationError):
            TrainSettings(**wrong)


def test_a_study_shows_itself_in_a_notebook() -> None:
    html = study({"model": ["lstm", "gru"]}, name="<b>", question="Is 1 < 2?")._repr_html_()
    assert "&lt;b&gt;" in html
    assert "Is 1 &lt; 2?" in html
    assert "lstm, gru" in html
    assert "2 trials" in html
    assert "<td>5</td>" in Study(name="a", factors={"seed": 5})._repr_html_()


def test_what_varies() -> None:
    assert study().varying() == ()
    assert study({"model": ["lstm", "gru"], "seed": [1, 2], "train.epochs": [1, 2]}).varying() == (
        "model",
        "train.epochs",
    )
    grids = [{"model": ["lstm"], "seed": [1]}, {"model": ["gru"], "seed": [1]}]
    assert study(grids).varying() == ("model",)
