"""From a study to its trials: who decides a setting, which trials there are, and how many are too many.

Faults that were planted and seen here: factors without effect; an earlier [[where]] stronger than a later one; a
union that keeps its duplicates; the limit looked at after the expansion; a wanted value that only some other value's
match makes good; "none" told from None; a factor that one grid leaves out not counted as varying.
"""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.study.builders import FACTORS, lists, sound_studies, study, trial
from unroll.errors import StudyError
from unroll.study import Study, Trial, expand, read_study
from unroll.study.expansion import _Plan

LEVELS = ("section", "first where", "second where", "factor", "set")


@settings(deadline=None)
@given(levels=st.lists(st.sampled_from(LEVELS), unique=True))
@pytest.mark.parametrize(
    ("section", "setting", "default"),
    [("train", "epochs", 50), ("model", "hidden", 64), ("task", "test", 2000)],
)
def test_the_strongest_that_names_a_setting_decides(
    section: str, setting: str, default: int, levels: list[str]
) -> None:
    value = dict(zip(LEVELS, range(1, 6), strict=True))
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
        "factors: the grid has 1,000,000,000 trials, more than the limit of 100,000. Shorten its lists, or raise the "
        "limit: --max-trials"
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


@pytest.mark.parametrize("match", ['"train.optimizer" = "adam"', '"model.layers" = 1', '"task.markers" = "anywhere"'])
def test_where_matches_a_default_that_nobody_wrote(match: str, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "x"\n[factors]\ntask = ["adding"]\nmodel = ["gru"]\nlength = [4]\nseed = [1]\n'
        f"[[where]]\nmatch = {{ {match} }}\ntrain = {{ epochs = 3 }}\n"
    )
    (trial,) = expand(read_study(path))
    assert trial.train.epochs == 3


@given(data=st.data())
@settings(deadline=None)
def test_each_value_of_a_match_must_meet_a_condition(data: st.DataObject) -> None:
    """The oracle goes through the product: a value is met by a condition that has it and satisfies the other names."""
    pools: dict[str, list[Any]] = {
        "model": ["lstm", "gru", "tanh_rnn"],
        "length": [10, 20, 30],
        "train.optimizer": ["adam", "sgd"],
    }
    blocks = [
        {
            "task": ["adding"],
            "seed": [1],
            **{name: data.draw(lists(st.sampled_from(pool))) for name, pool in pools.items()},
        }
        for _ in range(data.draw(st.integers(1, 2)))
    ]
    wild: dict[str, list[Any]] = {"model": ["gruu"], "length": [40, "10"], "train.optimizer": ["adma"]}
    chosen = data.draw(st.lists(st.sampled_from([*pools]), min_size=1, unique=True))
    match = {name: data.draw(lists(st.sampled_from(pools[name] + wild[name]), 4)) for name in chosen}
    conditions = [
        dict(zip(block, values, strict=True)) for block in blocks for values in itertools.product(*block.values())
    ]
    fitting = [one for one in conditions if all(one[name] in wanted for name, wanted in match.items())]
    unmet = {
        (f"where.match.{name}", repr(value))
        for name, wanted in match.items()
        for value in wanted
        if value not in {one[name] for one in fitting}
    }
    asked = study(blocks, where=[{"match": match, "train": {"epochs": 3}}])
    try:
        expand(asked)
        found = set()
    except StudyError as error:
        found = {(problem.setting, problem.message.partition(" ")[0]) for problem in error.problems}
    assert found == (unmet if fitting else {("where.match", "matches")})


@pytest.mark.parametrize("wanted", ["none", None, ["none"], [None, 1.0]])
@pytest.mark.parametrize("given", ["none", None, "nobody"])
@pytest.mark.parametrize("name", ["train.clip_norm", "model.parameters"])
def test_none_by_any_name_is_one(wanted: Any, given: Any, name: str) -> None:
    section, _, key = name.partition(".")
    parts = {} if given == "nobody" else {section: {key: given}}
    factors = {"train.clip_norm": ["none", 1.0], "length": [10]} if isinstance(wanted, list) and None in wanted else {}
    if factors and name != "train.clip_norm":
        return
    asked = study(factors, where=[{"match": {name: wanted}, "train": {"epochs": 3}}], **parts)
    assert {trial.train.epochs for trial in expand(asked)} == {3}


def test_none_and_zero_are_written_in_several_ways_and_have_one_key() -> None:
    words = study(train={"clip_norm": "none"}, where=[{"match": {"model": "lstm"}, "train": {"clip_value": "none"}}])
    nones = study(train={"clip_norm": None}, where=[{"match": {"model": "lstm"}, "train": {"clip_value": None}}])
    assert words.digest == nones.digest
    assert study({"train.clip_norm": [None, 1.0]}).digest == study({"train.clip_norm": ["none", 1.0]}).digest
    below, above = (study({"train.momentum": [zero]}, model={"hidden": 3}) for zero in (-0.0, 0.0))
    assert below.digest == above.digest
    (one,), (other,) = expand(below), expand(above)
    assert one == other
    assert one.key == other.key
    assert one.condition == other.condition
    assert str(one.train.momentum) == "0.0"
    direct = one.replace(train=one.train.model_copy(update={"momentum": -0.0}))
    assert direct.key == one.key


@given(data=st.data())
@settings(deadline=None)
def test_whatever_tells_two_conditions_apart_varies(data: st.DataObject) -> None:
    """No two conditions of a study share task, model, length and all factors that vary."""
    optional = {"train.epochs": [50, 1, 2], "model.hidden": [64, 3], "task.markers": ["anywhere", "halves"]}
    blocks = [
        {
            "task": ["adding"],
            "model": data.draw(lists(st.sampled_from(["lstm", "gru"]))),
            "length": [10],
            "seed": [1],
            **{
                name: data.draw(lists(st.sampled_from(pool)))
                for name, pool in optional.items()
                if data.draw(st.booleans())
            },
        }
        for _ in range(data.draw(st.integers(1, 3)))
    ]
    asked = study(blocks)
    seen = {}
    for found in expand(asked):
        spec = found.spec
        settings = [
            spec["settings"][name.partition(".")[0]][name.partition(".")[2]] for name in asked.varying() if "." in name
        ]
        place = (found.task, found.model, found.length, *settings)
        assert seen.setdefault(place, found) == found
