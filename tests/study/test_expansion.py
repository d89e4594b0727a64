"""From a study to its trials: who decides a setting, which trials there are, and how many are too many.

Faults that were planted and seen here: factors weaker than [[where]]; an earlier [[where]] stronger than a later one; the
union without its duplicates taken out; the limit checked after the expansion; the seed not innermost.
"""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.study.builders import FACTORS, sound_studies, study, trial
from unroll.errors import StudyError
from unroll.study import Study, Trial, expand
from unroll.study.expansion import _Plan

LEVELS = ("section", "first where", "second where", "factor", "set")


@settings(deadline=None)
@given(levels=st.lists(st.sampled_from(LEVELS), unique=True))
@pytest.mark.parametrize(
    ("section", "setting", "values", "default"),
    [("train", "epochs", (1, 2, 3, 4, 5), 50), ("model", "hidden", (1, 2, 3, 4, 5), 64), ("task", "test", (1, 2, 3, 4, 5), 2000)],
)  # fmt: skip
def test_the_strongest_that_names_a_setting_decides(
    section: str, setting: str, values: tuple[int, ...], default: int, levels: list[str]
) -> None:
    value = dict(zip(LEVELS, values, strict=True))
    parts: dict[str, Any] = {"where": []}
    factors: dict[str, Any] = {}
    if "section" in levels:
        parts[section] = {setting: value["section"]}
    for name in ("first where", "second where"):
        if name in levels:
            parts["where"].append({"match": {"model": "lstm"}, section: {setting: value[name]}})
    if "factor" in levels:
        factors[f"{section}.{setting}"] = [value["factor"]]
    if "set" in levels:
        parts["overrides"] = {f"{section}.{setting}": value["set"]}
    strongest = max(levels, key=LEVELS.index, default=None)
    if "factor" in levels and "set" in levels:
        strongest = "factor"  # --set replaces the list of a factor before there is a study: see test_files
    found = trial(factors, **parts)
    held = {"train": found.train.model_dump(), "model": found.model_settings, "task": found.task_settings}
    assert held[section][setting] == (value[strongest] if strongest else default)


def test_a_where_holds_for_some_conditions_only() -> None:
    asked = study(
        {"model": ["tanh_rnn", "lstm", "gru"], "length": [10, 20, 30], "seed": [1, 2]},
        train={"epochs": 9},
        where=[
            {"match": {"model": ["lstm", "gru"], "length": 20}, "train": {"epochs": 1}},
            {"match": {"length": [20, 30], "model": "gru"}, "model": {"hidden": 7}},
            {"match": {"train.epochs": 1, "model.hidden": 7}, "task": {"test": 5}},
        ],
    )
    for found in expand(asked):
        where = (found.model, found.length)
        assert found.train.epochs == (1 if where in {("lstm", 20), ("gru", 20)} else 9)
        assert found.model_settings["hidden"] == (7 if where in {("gru", 20), ("gru", 30)} else 64)
        assert found.task_settings["test"] == (5 if where == ("gru", 20) else 2000)


def test_a_where_for_everything() -> None:
    assert trial(where=[{"match": {}, "train": {"epochs": 3}}]).train.epochs == 3


def test_a_where_matches_a_dotted_factor() -> None:
    where = [{"match": {"train.optimizer": "sgd"}, "train": {"momentum": 0.9}}]
    trials = expand(study({"train.optimizer": ["adam", "sgd"]}, where=where))
    assert [(t.train.optimizer, t.train.momentum) for t in trials] == [("adam", 0.0), ("sgd", 0.9)]


@settings(max_examples=50, deadline=None)
@given(asked=sound_studies)
def test_trials_are_the_product_of_the_lists_with_the_seeds_innermost(asked: Study) -> None:
    """The oracle is itertools over each grid, and a dictionary for the union."""

    def described(values: dict[str, Any]) -> tuple[Any, ...]:
        def setting(section: str, name: str, default: Any) -> Any:
            return values.get(f"{section}.{name}", getattr(asked, section).get(name, default))

        names = (values["task"], values["model"], values["length"], values["seed"])
        return (
            *names,
            setting("train", "epochs", 50),
            setting("train", "learning_rate", 1e-3),
            setting("task", "markers", "anywhere"),
            setting("model", "hidden", 64),
        )

    expected: dict[tuple[Any, ...], None] = {}
    for grid in asked.factors:
        order = [*(factor for factor in grid if factor != "seed"), "seed"]
        for values in itertools.product(*(grid[factor] for factor in order)):
            expected[described(dict(zip(order, values, strict=True)))] = None
    found = [
        (
            *(t.task, t.model, t.length, t.seed, t.train.epochs, t.train.learning_rate),
            *(t.task_settings["markers"], t.model_settings["hidden"]),
        )
        for t in expand(asked)
    ]
    assert found == list(expected)
    assert len(found) <= asked.count()
    assert all(isinstance(t, Trial) and t == Trial.from_spec(t.spec) for t in expand(asked))


def test_repeated_factors_are_a_union() -> None:
    grid = {**FACTORS, "length": [10, 20]}
    asked = study([grid, {**FACTORS, "length": [20, 30]}, {**FACTORS, "train.epochs": [50]}])
    assert asked.count() == 5
    assert [t.length for t in expand(asked)] == [10, 20, 30]


def test_a_seed_may_be_the_largest() -> None:
    assert trial({"seed": [2**32 - 1]}).seed == 2**32 - 1
    with pytest.raises(StudyError, match="outside"):
        expand(study({"seed": [2**32]}))


def test_a_billion_trials_are_refused_by_their_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is expanded, no plug-in asked: the plan is never made."""

    def made(*_: object) -> None:
        raise AssertionError("the grid was expanded")

    monkeypatch.setattr(_Plan, "grid", made)
    monkeypatch.setattr(_Plan, "_condition", made)
    thousand = list(range(2, 1002))
    asked = study({"length": thousand, "seed": thousand, "train.epochs": thousand})
    assert asked.count() == 1_000_000_000
    with pytest.raises(StudyError) as caught:
        expand(asked)
    (problem,) = caught.value.problems
    assert str(problem) == (
        "factors: the grid has 1,000,000,000 trials, more than the limit of 100,000. Shorten its lists, or raise the limit: "
        "--max-trials"
    )


def test_the_limit_can_be_moved() -> None:
    asked = study({"seed": [1, 2, 3]})
    assert len(expand(asked, max_trials=3)) == 3
    with pytest.raises(StudyError, match="3 trials, more than the limit of 2"):
        expand(asked, max_trials=2)
    with pytest.raises(StudyError, match="100,001 trials"):
        expand(study({"seed": list(range(100_001))}))


def test_all_problems_of_a_study_made_in_python() -> None:
    with pytest.raises(StudyError) as caught:
        expand(study({"model": ["lstn"], "length": [1], "seed": []}, train={"epochs": 0}, task={"tran": 1}))
    assert [problem.setting for problem in caught.value.problems] == [
        "factors.seed",
        "task.tran",
        "factors.model",
        "train.epochs",
        "factors.length",
    ]
    assert all(problem.source is None and problem.line is None for problem in caught.value.problems)
    assert '(task "adding")' in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"nam": "a"}, 'unknown key. Did you mean "name"'),
        ({"where": [{"math": {}}]}, 'unknown key. Did you mean "match"'),
        ({"train": 5}, "5 is not a table"),
        ({"protocol": None}, "None is not one of"),
        ({"factors": {}}, "no list of values. Add task = "),
        ({"factors": ()}, "is empty"),
    ],
)
def test_a_form_that_is_wrong(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError) as caught:
        expand(Study(**{"name": "a", "factors": FACTORS, **parts}))
    assert message in str(caught.value)
