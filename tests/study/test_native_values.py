"""NumPy's numbers and arrays, and Python's ranges, are taken for what they mean, in studies, prompts and settings.

Planted and found: a range left as it is; a section that is not converted, which then refuses its values; arrays left as
they are; the elements of a section's list left as they are; brackets as the advice for whatever is no list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unroll
from tests import typed_use
from tests.study.builders import ReadText, grids, train_settings
from unroll.errors import StudyError
from unroll.study import GenerateSettings, Study, TrainSettings, expand, write_study
from unroll.study.settings import Section
from unroll.tasks.adding import Adding


def as_numpy(value: Any, array: bool) -> Any:
    """The same value in NumPy's types: lists of one kind as arrays where ``array``, else as lists of scalars."""
    if isinstance(value, dict):
        return {name: as_numpy(item, array) for name, item in value.items()}
    if isinstance(value, list):
        return np.array(value) if array else [as_numpy(item, array) for item in value]
    kinds = {bool: np.bool_, int: np.int64, float: np.float64, str: np.str_}
    return kinds[type(value)](value)


@settings(deadline=None)
@given(factors=grids, train=train_settings, array=st.booleans())
def test_a_study_of_numpys_values_is_the_same_study(factors: dict[str, Any], train: dict[str, Any], array: bool):
    plain = Study(name="mine", factors=factors, train=train)
    made = Study(name="mine", factors=as_numpy(factors, array), train=as_numpy(train, array))
    assert made == plain
    assert made.digest == plain.digest
    assert write_study(made) == write_study(plain)
    for grid in made.factors:
        assert all(type(value) in (int, float, str) for values in grid.values() for value in values)


def test_the_users_program_means_what_it_says_and_reads_back_the_same(read: ReadText):
    made = typed_use.designed()
    assert made == typed_use.plainly()
    assert [trial.key for trial in expand(made)] == [trial.key for trial in expand(typed_use.plainly())]
    again = read(write_study(made))
    assert (again, again.digest) == (made, made.digest)


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        (np.int64(3), "3 is not a list. Write [3]"),
        (np.array(3), "3 is not a list. Write [3]"),
        (dict.fromkeys([1, 2]).keys(), "Give a list of values"),
        (map(int, "12"), "Give a list of values"),
    ],
)
def test_what_is_no_list_is_told_how_to_become_one(values: Any, advice: str):
    with pytest.raises(StudyError) as caught:
        expand(Study(name="mine", factors={"task": ["adding"], "model": ["gru"], "length": [4], "seed": values}))
    assert str(caught.value).endswith(advice)


def test_choosing_and_continuing_take_them_too(tmp_path: Path):
    study = Study(**{**typed_use.designed().model_dump(), "where": []})
    unroll.run(study, tmp_path / "results.db", executor="inline", progress=False)
    model = typed_use.chosen(study, tmp_path / "results.db")
    assert (model.trial.model, model.trial.seed, model.trial.length) == ("gru", 1, 4)
    first, *others = typed_use.continued(model)
    assert all((made.continuation == first.continuation).all() for made in others)
    with pytest.raises(unroll.errors.UnknownNameError, match="no trial with seed 9"):
        unroll.load_model(study, tmp_path / "results.db", seed=np.int64(9))


def test_settings_and_plug_ins_take_them_too():
    assert TrainSettings(epochs=np.int64(3), clip_norm=np.float32(0.5)).epochs == 3
    assert GenerateSettings(prompt=np.arange(1, 6, 2), steps=np.int8(2)).prompt == (1, 3, 5)
    made = GenerateSettings(prompt=[np.int64(1), np.float64(3)]).prompt
    assert made == (1, 3)
    assert made is not None
    assert all(type(value) is float for value in made)
    assert Adding(train=np.int64(5), test=np.uint16(3)) == Adding(train=5, test=3)

    class Lags(Section):
        lags: tuple[int, ...]

    assert Lags(lags=(np.int64(1), np.int8(2))).lags == (1, 2), "a third party's setting of whole numbers"
    one = expand(typed_use.plainly())[0]
    assert one.replace(seed=np.int64(7)).key == one.replace(seed=7).key
    assert type(one.replace(seed=np.int64(7)).seed) is int


@pytest.mark.parametrize("wrong", [np.bool_(True), np.float64(1.0), "1", np.array([1]), -1, np.int64(-1)], ids=repr)
def test_what_is_no_whole_number_is_still_refused(wrong: Any):
    with pytest.raises(ValueError, match=r"epochs"):
        TrainSettings(epochs=wrong)
    with pytest.raises(StudyError):
        expand(typed_use.plainly().model_copy(update={"train": {"epochs": wrong}}))


def test_a_range_that_would_fill_the_memory_is_refused_at_once():
    with pytest.raises(StudyError, match=r"range\(0, 1000000000000\) has more than 1,000,000 values"):
        Study(name="mine", factors={"task": ["adding"], "model": ["gru"], "length": [5], "seed": range(10**12)})
    with pytest.raises(StudyError, match="more than"):
        Study(name="mine", factors={"seed": range(2**70)})
