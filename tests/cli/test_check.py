"""``unroll check``: everything that is wrong at once, each fault once, with its line.

Faults planted here, each seen to be found: what planning knows told only after the form is sound; told without a line;
told once a condition; a prompt too short for a window left to be refused after the training;
the memory of the first of a list taken for all; curves that do not fit blamed on the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.errors import StudyError
from unroll.running import check
from unroll.study import Study, read_study, shipped_studies

MANY = """\
name = "many"
[factors]
task = ["adding"]
model = [
  "gru",
  "feedforward",
  "persistence",
]
length = [4, 5]
seed = [1, 2, 3]
"train.batch" = [64, 65]
"train.backend" = [
  "auto",
  "native",
]
[[where]]
match = { model = "gru" }
model.hidden = 60_000
model.layers = 1_000
[[where]]
match = { model = "feedforward" }
train.epochs = 0
"""


@pytest.mark.parametrize("command", [["check"], ["run", "--dry-run"], ["run"]])
def test_everything_at_once_each_once_with_its_line(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unroll
):
    monkeypatch.chdir(tmp_path)
    Path("many.toml").write_text(MANY)
    done = unroll(command[0], "many.toml", *command[1:])
    assert done.code == 2
    found = [line.strip().split(": ", 2) for line in done.err.splitlines()[1:]]
    assert [(place, setting, message.partition(",")[0][:44]) for place, setting, message in found] == [
        ("many.toml, line 7", "model", "persistence continues sequences of one numbe"),
        ("many.toml, line 14", "train.backend", "The native backend was asked for"),
        ("many.toml, line 18", "model.hidden", "adding at T = 4 and gru with 21"),
        ("many.toml, line 22", "train.epochs", "0 is not allowed: it must be at least 1"),
    ]
    assert not Path("results.db").exists()


PROMPTS = """\
name = "prompts"
[factors]
task = ["odd_numbers", "announce"]
model = ["gru", "feedforward"]
length = [5]
seed = [1, 2]
[model]
hidden = 4
[generate]
prompt = [1, 3, 5, 7]
[[where]]
match = { model = "feedforward" }
model.window = 6
[[where]]
match = { model = "feedforward", task = "announce" }
generate.prompt = [1, 2]
"""


def test_a_prompt_too_short_for_a_model_is_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unroll
):
    monkeypatch.chdir(tmp_path)
    Path("prompts.toml").write_text(PROMPTS)
    done = unroll("check", "prompts.toml")
    assert done.code == 2
    found = [line.strip().split(": ", 2) for line in done.err.splitlines()[1:]]
    assert [(place, setting) for place, setting, _ in found] == [
        ("prompts.toml, line 10", "generate.prompt"),
        ("prompts.toml, line 10", "generate.prompt"),
        ("prompts.toml, line 16", "generate.prompt"),
    ]
    assert found[0][2].startswith(
        "feedforward at T = 5 was trained to answer from 5 numbers, which reaches beyond this"
    )
    assert "gru at T = 5 was trained to answer from 5 numbers" in found[1][2], "which announce asks for"
    assert unroll("check", "prompts.toml", "--set", "generate.prompt=[1,3,5,7,9]").code == 0


def test_a_setting_from_the_command_line_is_blamed_there(study: str, unroll):
    done = unroll("check", study, "--set", "model.hidden=60000", "--set", "model.layers=1000")
    assert done.code == 2
    assert done.err.count("GiB") == 2
    assert "--set: model.hidden: adding at T = 3 and gru with" in done.err


PARTS = {
    "train.epochs": ([1, 1_000_000], {"train": 1_000_000}, {"batch": 1}, "Lower train.epochs or raise train.batch"),
    "task.train": ([10, 100_000_000], {}, {"batch": 1000}, "Lower task.train or the length"),
    "model.layers": ([1, 1000], {}, {}, "Lower model.hidden or model.layers"),
}


@settings(deadline=None, max_examples=40)
@given(data=st.data(), factor=st.sampled_from([*PARTS]))
def test_what_does_not_fit_into_memory_does_not_depend_on_an_order_and_gets_the_right_advice(
    data: st.DataObject, factor: str
):
    values, task, train, advice = PARTS[factor]
    values = data.draw(st.permutations([*values, *data.draw(st.lists(st.integers(2, 9), unique=True, max_size=2))]))
    factors: dict[str, Any] = {
        "task": ["adding"],
        "model": data.draw(st.permutations(["gru", "lstm"])),
        "length": data.draw(st.permutations([1000, 4])),
        "seed": [1],
        factor: values,
    }
    model = {"hidden": 60_000} if factor == "model.layers" else {}
    asked = Study(name="a", factors=factors, task=task, train=train, model=model)
    with pytest.raises(StudyError) as caught:
        check(asked)
    assert all(advice in problem.message for problem in caught.value.problems)
    sound = {**factors, factor: [value for value in values if value < 10 or (factor == "task.train" and value == 10)]}
    assert check(Study(name="a", factors=sound, task=task, train=train, model={}))


def test_one_of_each_is_one(study: str, unroll):
    done = unroll("check", study, "--set", 'model=["gru"]', "--set", "seed=[1]")
    assert "1 trial in 1 condition" in done.out


def test_misspelt_keys_are_told_beside_a_list_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unroll):
    monkeypatch.chdir(tmp_path)
    Path("mixed.toml").write_text(
        """name = "mixed"
[factors]
task = ["adding"]
model = "gru"
length = [5]
seed = 1
"train.epoch" = 3
[model]
hiden = 8
[train]
batsch = 3
"""
    )
    err = unroll("check", "mixed.toml").err
    for line, said in ((4, "is not a list"), (6, "is not a list"), (7, "is not a list"), (9, "hiden"), (11, "batsch")):
        assert any(f"line {line}:" in one and said in one for one in err.splitlines()), err
    assert 'Did you mean "epochs"?' in err
    assert 'Did you mean "hidden"?' in err


@pytest.mark.parametrize("name", shipped_studies())
def test_the_shipped_studies_have_no_problem(name: str, tmp_path: Path):
    (tmp_path / "file").write_text("a,b\n" + "".join(f"{row % 7},{row % 5}\n" for row in range(5000)))
    own = [f"task.file={tmp_path / 'file'}"] if name.startswith("your-") else []
    check(read_study(name, own))
