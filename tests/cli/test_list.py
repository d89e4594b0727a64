"""``unroll list``, and studies that a store alone knows.

Planted and found: solved trials that are counted in another study, or by an upper bound alone; sizes that leave out the
weights; a name that is looked for among shipped studies and files only; of two studies of one name the first.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import unroll as package
from tests.filled import filled
from unroll import Study
from unroll.errors import DamagedError, StudyError
from unroll.registry import tasks
from unroll.store import Store


def made(name: str, lengths: list[int], **further: object) -> Study:
    factors = {"task": ["adding"], "model": ["gru", "lstm"], "length": lengths, "seed": [1, 2], **further}
    return Study(name=name, factors=factors)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two studies made in Python, one of them half done, in the store of the working directory."""
    monkeypatch.chdir(tmp_path)
    filled(Path("results.db"), made("by hand", [3]))
    filled(Path("results.db"), made("larger", [3, 4, 5]), complete=False)
    return Path("results.db")


def test_it_lists_each_study_with_what_is_done_solved_and_its_size(store: Path, unroll):
    first, second = json.loads(unroll("list", "--json").out)
    for listed, name in ((first, "by hand"), (second, "larger")):
        trials = package.results(name).trials()
        complete = trials[trials["state"] == "complete"]
        assert (listed["study"], listed["trials"], listed["complete"]) == (name, len(trials), len(complete))
        assert listed["solved"] == int((complete["test_mse"] < 0.01).sum())
        with Store.open(store) as opened:
            curves = [opened.histories(key) for key in complete["key"]]
            weights = sum(len(opened.parameters(key)) for key in complete["key"])
        assert listed["bytes"] == weights + sum(4 * len(one) for kept in curves for one in kept.values())
    lines = unroll("list").out.splitlines()
    assert any(line.startswith("by hand") and " 100 %" in line and "KiB" in line for line in lines)
    assert not any(line.startswith("larger") and " 100 %" in line for line in lines)


def test_solved_is_counted_by_the_task_s_own_criterion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unroll):
    """An accuracy that must be above a value, not only a loss that must be below one."""
    monkeypatch.chdir(tmp_path)
    factors = {"task": ["parity"], "model": ["gru"], "length": [1], "seed": [1, 2], "model.hidden": [1, 8]}
    train = {"epochs": 12, "learning_rate": 0.05, "batch": 16}
    study = Study(name="bit", factors=factors, task={"train": 128, "validation": 0, "test": 64}, train=train)
    solved = package.run(study, executor="inline", progress=False).trials()["solved"]
    assert solved.sum() > 0
    (listed,) = json.loads(unroll("list", "--json").out)
    assert listed["solved"] == solved.sum()


def test_show_report_plot_and_export_take_it_by_name_and_by_digest(store: Path, unroll):
    digest = json.loads(unroll("list", "--json").out)[0]["digest"]
    for name in ("by hand", digest[:8]):
        assert unroll("show", name).out.startswith("by hand · task adding")
        assert "Wrote by-hand.html" in unroll("report", name).err
        assert "Wrote by-hand-solved.svg" in unroll("plot", name, "solved").err
        assert len(unroll("export", name).out.splitlines()) == 5


def test_of_two_studies_of_one_name_it_is_the_last_and_the_digest_tells_them_apart(store: Path, unroll):
    filled(store, made("by hand", [6]))
    rows = json.loads(unroll("show", "by hand", "--json").out)["conditions"]
    assert {row["length"] for row in rows} == {6}
    digest = json.loads(unroll("list", "--json").out)[0]["digest"]
    assert {row["length"] for row in json.loads(unroll("show", digest[:8], "--json").out)["conditions"]} == {3}
    assert (
        unroll("list")
        .out.splitlines()[-2]
        .endswith(f"show {json.loads(unroll('list', '--json').out)[2]['digest'][:8]}")
    )


def test_a_name_that_could_be_a_key_is_the_study_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unroll):
    monkeypatch.chdir(tmp_path)
    filled(tmp_path / "results.db", made("deadbeef", [3]))
    assert "deadbeef" in unroll("show", "deadbeef").out
    assert len(unroll("export", "deadbeef").out.splitlines()) == 5
    with pytest.raises(DamagedError, match=r"weights of gru on adding, T = 3, seed 1"):  # those of a filled store
        package.load_model("deadbeef", model="gru", seed=1)


@pytest.mark.parametrize("name", ["-x", "con\u202erev"])
def test_a_name_that_cannot_be_typed_is_named_by_its_digest(name: str, tmp_path: Path, unroll):
    study = made(name, [3])
    filled(tmp_path / "results.db", study)
    assert f"show {study.digest[:8]} --store" in unroll("list", "--store", tmp_path / "results.db").out


def test_it_needs_no_plug_in(store: Path, unroll, monkeypatch: pytest.MonkeyPatch):
    without = {name: where for name, where in tasks._builtin.items() if name != "adding"}
    monkeypatch.setattr(tasks, "_builtin", without)
    assert "by hand" in unroll("list").out
    shown = unroll("show", "by hand")
    assert shown.code == 0
    assert "is not installed here" in shown.err
    assert unroll("report", "by hand").code == 0
    assert unroll("plot", "by hand", "solved").code == 0


def test_a_store_that_holds_nothing_says_how_to_begin(tmp_path: Path, unroll):
    with Store.open(tmp_path / "empty.db", write=True):
        pass
    done = unroll("list", "--store", tmp_path / "empty.db")
    assert "holds no study yet. Run one:" in done.out
    assert unroll("list", "--store", tmp_path / "none.db").code == 1


def test_an_unknown_name_is_still_an_unknown_name(store: Path, unroll):
    done = unroll("show", "by heart")
    assert done.code == 2
    assert "no shipped study and no file" in done.err


def test_in_python_a_study_is_named_in_every_way(store: Path):
    study = made("by hand", [3])
    Path("mine.toml").write_text(package.write_study(study))
    for named in (study, "mine.toml", Path("mine.toml"), "by hand"):
        assert len(package.results(named).trials()) == 4
        assert len(package.Results(named).trials()) == 4
    assert len(package.expand("adding-quick")) == len(package.check("adding-quick")) == 27
    assert package.write_study(Path("mine.toml")) == package.write_study(study)
    assert package.results("mine.toml").study.digest == study.digest
    for wanted in (package.results, package.load_model, package.check, package.expand, package.write_study):
        with pytest.raises(StudyError, match="no file is called"):
            wanted("no such study")


def test_questions_of_a_stored_study_are_kept_where_it_is_run_with_them(finished: str, unroll):
    file = Path(finished)
    text = file.read_text()
    question = '[[questions]]\ntext = "Which learns?"\nby = ["solved", "nothing_installed"]\n'
    file.write_text(text + question.replace("nothing_installed", "learning"))
    assert unroll("run", finished, "--executor", "inline").code == 0
    file.write_text(text)
    assert unroll("run", finished, "--executor", "inline").code == 0, "asking nothing takes nothing away"
    Path("small").mkdir()  # a folder of the study's name is no study file
    asked = json.loads(unroll("show", "small", "--json").out)["questions"]
    assert [one["question"] for one in asked] == ["Which learns?"]
    shown = unroll("show", "small").out
    assert "Which learns?" in shown
    assert "Not shown: these are counts and medians of what was seen" in " ".join(shown.split())
    file.write_text(text + question)
    missing = json.loads(unroll("show", finished, "--json").out)["questions"][0]["not_shown"][-1]
    assert missing.startswith('Nothing here answers by "nothing_installed": neither a measure that can be used here')
