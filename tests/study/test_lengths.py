"""The section ``[test]``: in a key and a digest only where it says something, and every mistake in it with its place.

Planted and found: a key that always holds the section; a digest that holds an empty one; lengths that no task is asked
about.
"""

from __future__ import annotations

import pytest

from tests.study.builders import ReadText, study, trial
from unroll import expand, write_study
from unroll.errors import StudyError
from unroll.study import Study, Trial
from unroll.study.levels import level


def test_it_is_in_the_key_only_where_lengths_are_given():
    without, given = trial(), trial(test={"lengths": [5, 20]})
    assert "test" not in without.spec["settings"]
    assert trial(test={"lengths": []}).key == without.key
    assert given.spec["settings"]["test"] == {"lengths": [5, 20]}
    assert given.key != without.key
    assert trial(test={"lengths": [5, 21]}).key != given.key
    assert Trial.from_spec(given.spec) == given
    assert given.replace(versions={"task": "1", "model": "1"}).key == KEY


KEY = "d49cc964ad2d00dd598d254d7e3fc288e7f3c2c907b6d63ad635094523d54569"


DIGEST = "33637d056e7a28138915b80b1f450078e0b9d0a6f82b7e24cc1519805119a290"
"""Of a study before there was such a section."""


def test_an_empty_section_leaves_the_digest_as_it_was():
    assert study(test={}).digest == study().digest
    assert study(test={"lengths": [5]}).digest != study().digest
    where = {"match": {"model": "lstm"}, "train": {"epochs": 2}}
    assert study(where=[where]).digest == DIGEST
    assert study(where=[{**where, "test": {}}]).digest == study(where=[where]).digest


def test_it_can_be_a_factor_a_condition_of_some_or_an_override(read: ReadText):
    one = study(factors={"test.lengths": [[20], [20, 40]]})
    assert [each.test.lengths for each in expand(one)] == [(20,), (20, 40)]
    assert [level(each, "test.lengths") for each in expand(one)] == [(20,), (20, 40)]
    some = study(factors={"model": ["lstm", "gru"]}, where=[{"match": {"model": "gru"}, "test": {"lengths": [30]}}])
    assert [each.test.lengths for each in expand(some)] == [(), (30,)]
    assert level(expand(some)[0], "test.lengths") == ()
    text = write_study(study(test={"lengths": [20, 40]}))
    assert read(text, overrides=["test.lengths=[7]"]).overrides["test.lengths"] == (7,)
    assert read(text).test == {"lengths": (20, 40)}


@pytest.mark.parametrize(
    ("lengths", "task", "told"),
    [
        ([5, 5], "adding", "test.lengths has 5 twice. Remove one"),
        ([9, 5], "adding", "test.lengths must rise: 5 comes after 9"),
        ([1, 5], "adding", '1 is too short: two markers need at least 2 steps (task "adding")'),
        ([0], "adding", "0 is not allowed: it must be at least 1"),
        (["long"], "adding", "'long' is not a whole number"),
        (5, "adding", "5 is not"),
        ([50], "sine", 'the splits of the task "sine" are drawn together'),
        ([50], "announce", 'the splits of the task "announce" are drawn together'),
    ],
)
def test_what_is_wrong_is_said(lengths: object, task: str, told: str):
    with pytest.raises(StudyError) as caught:
        expand(
            Study(
                name="a",
                factors={"task": [task], "model": ["gru"], "length": [10], "seed": [1]},
                test={"lengths": lengths},
            )
        )
    (problem,) = caught.value.problems
    assert problem.setting.startswith("test")
    assert told in str(problem)
