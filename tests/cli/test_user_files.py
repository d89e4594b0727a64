"""Users' files in studies: told apart by content, found beside the study, missed and missed aloud.

Planted and found: the path in the key; a worker that believes the path; a relative path from the working folder; a
changed file of which nothing is said; merged trials of another content that count as those of this one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Done
from unroll.errors import DataError, StudyError
from unroll.generation import load
from unroll.models.resolve import resolve
from unroll.reading import results
from unroll.running import execute
from unroll.running.observer import Observer
from unroll.running.recomputation import recompute
from unroll.store import State, Store
from unroll.streams import KeyedStreams
from unroll.study import Trial, read_study
from unroll.study.expansion import expand
from unroll.study.user_file import UserFile
from unroll.tasks.text import _corpus

TEXT = "abcabd " * 60
STUDY = """
name = "mine"

[factors]
task = ["text"]
model = ["gru"]
length = [8]
seed = [1]

[task]
file = "words.txt"

[model]
hidden = 4

[train]
epochs = 1
"""


class Notes(Observer):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    """As in another process."""
    _corpus.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "words.txt").write_text(TEXT)
    (tmp_path / "study" / "mine.toml").write_text(STUDY)
    return tmp_path / "study"


def run(folder: Path, store: Path) -> list[str]:
    notes = Notes()
    study = read_study(folder / "mine.toml")
    assert execute(study, store, executor="inline", observer=notes).complete == 1
    return notes.said


def test_the_key_holds_the_content_and_not_the_place(folder: Path, tmp_path: Path) -> None:
    (one,) = expand(folder / "mine.toml")
    content = hashlib.sha256(TEXT.encode()).hexdigest()
    assert one.spec["settings"]["task"]["file"] == {"sha256": content}
    assert one.files == {"task.file": str(folder / "words.txt")}
    shutil.move(folder, tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "words.txt").rename(tmp_path / "elsewhere" / "other.txt")
    (moved,) = expand(_with(tmp_path / "elsewhere", "other.txt"))
    assert moved.key == one.key
    (tmp_path / "elsewhere" / "other.txt").write_text(TEXT + "!")
    (changed,) = expand(_with(tmp_path / "elsewhere", "other.txt"))
    assert changed.key != one.key
    assert Trial.from_spec(one.spec, one.files) == one
    assert Trial.from_spec(one.spec).key == one.key


def _with(folder: Path, name: str) -> Path:
    (folder / "mine.toml").write_text(STUDY.replace("words.txt", name))
    return folder / "mine.toml"


def test_paths_begin_at_the_study_and_typed_ones_at_the_working_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words.txt").write_text(TEXT * 2)
    monkeypatch.chdir(tmp_path)
    (beside,) = expand("study/mine.toml")
    assert beside.files["task.file"] == str(folder / "words.txt")
    (typed,) = expand(read_study("study/mine.toml", ["task.file=words.txt"]))
    assert typed.files["task.file"] == str(tmp_path / "words.txt")


def test_a_worker_reads_what_was_planned_or_says_where_what_lies(folder: Path) -> None:
    (trial,) = expand(folder / "mine.toml")
    task = resolve(trial).task
    other = TEXT[::-1]
    _corpus.cache_clear()
    (folder / "words.txt").write_text(other)
    then, now = (hashlib.sha256(text.encode()).hexdigest() for text in (TEXT, other))
    with pytest.raises(DataError, match=f"{os.uname().nodename}.*{now}, not {then}"):
        task.dataset(KeyedStreams(1), 8)
    (folder / "words.txt").unlink()
    with pytest.raises(DataError, match=rf"words\.txt cannot be read on {os.uname().nodename}.*{then}"):
        task.dataset(KeyedStreams(1), 8)


def test_a_changed_file_is_a_new_trial_and_it_is_said(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "r.db"
    assert run(folder, store) == run(folder, store) == []
    before = results(folder / "mine.toml", store).trials()["key"].tolist()
    (folder / "words.txt").write_text(TEXT + "abc")
    (said,) = run(folder, store)
    assert said.startswith("words.txt has changed (SHA-256 ")
    assert "its trials are new" in said
    after = results(folder / "mine.toml", store).trials()["key"].tolist()
    assert set(before).isdisjoint(after)
    with Store.open(store) as opened:
        assert {record.key for record in opened.trials() if record.state is State.complete} == {*before, *after}


@pytest.mark.parametrize("inside", [True, False])
def test_a_file_that_has_moved_is_read_where_the_study_says(
    folder: Path, tmp_path: Path, inside: bool, unroll: Callable[..., Done]
) -> None:
    store, elsewhere = tmp_path / "r.db", tmp_path / "elsewhere"
    run(folder, store)
    shutil.move(folder, elsewhere)
    if inside:  # the study's own words are the same
        now = elsewhere / "words.txt"
    else:
        now = (elsewhere / "words.txt").rename(tmp_path / "others.txt")
        _with(elsewhere, str(now))
    run(elsewhere, store)
    found = results(elsewhere / "mine.toml", store)
    (key,) = found.trials()["key"]
    _corpus.cache_clear()
    assert found.model(key[:8]).task.file.path == str(now)
    assert found.model(key).task.inputs > 1
    assert found.notice is None
    done = unroll("show", str(elsewhere / "mine.toml"), "--store", store)
    assert (done.code, done.err) == (0, "")
    assert found.trials()["notes"].tolist() == found.table()["notes"].tolist() == [now.name]
    assert (now.name in done.out, "words.txt" in done.out) == (True, inside)


def test_an_error_names_the_setting_that_is_meant(tmp_path: Path) -> None:
    lost = UserFile(sha256="0" * 64, path=str(tmp_path / "none.txt"))
    (tmp_path / "other.txt").write_text("other")
    for file in (
        lost,
        lost.model_copy(update={"path": ""}),
        lost.model_copy(update={"path": str(tmp_path / "other.txt")}),
    ):
        with pytest.raises(DataError) as caught:
            file.read("task.words")
        assert caught.value.setting == "task.words"


def test_what_has_become_of_a_file_is_said_beside_its_results(folder: Path, tmp_path: Path) -> None:
    store, file = tmp_path / "r.db", folder / "words.txt"
    run(folder, store)
    study = read_study(folder / "mine.toml")
    assert results(study, store).notice is None
    then = hashlib.sha256(TEXT.encode()).hexdigest()
    for other in (TEXT + "abc", "short"):
        file.write_text(other)
        now, said = hashlib.sha256(other.encode()).hexdigest(), results(study, store).notice
        assert said.startswith(("words.txt has changed (SHA-256 ", f"{file} on "))
        assert now[:12] in said
        assert then[:12] in said
        assert ("A run would train one trial anew" in said) == (other != "short")
    file.unlink()
    said = results(study, store).notice
    assert said.startswith(f"{file} cannot be read on ")
    assert "plug-in" not in said


def test_results_are_read_where_the_file_is_gone(folder: Path, tmp_path: Path, unroll: Callable[..., Done]) -> None:
    store = tmp_path / "r.db"
    run(folder, store)
    with Store.open(store) as opened:
        (key,) = [record.key for record in opened.trials()]
        assert [one.different for one in recompute(opened, 1)] == [()]
        assert load(opened, key).task.file.path == str(folder / "words.txt")
    (folder / "words.txt").unlink()
    for typed in (["show", str(folder / "mine.toml")], ["show", key[:8]]):
        done = unroll(*typed, "--store", store)
        assert done.code == 0
        assert "words.txt" in done.out
    with pytest.raises(StudyError, match=r"mine\.toml, line 11: task\.file: .*words\.txt does not exist"):
        read_study(folder / "mine.toml")
    with Store.open(store) as opened:
        _corpus.cache_clear()
        (again,) = recompute(opened, 1)
        assert "words.txt cannot be read on" in again.reason


def test_merged_trials_of_another_content_are_told_apart(
    folder: Path, tmp_path: Path, unroll: Callable[..., Done]
) -> None:
    run(folder, tmp_path / "one.db")
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    run(other, tmp_path / "two.db")  # the same content elsewhere
    assert unroll("merge", tmp_path / "two.db", "--store", tmp_path / "one.db").code == 0
    (other / "words.txt").write_text(TEXT + "abc")
    run(other, tmp_path / "three.db")
    done = unroll("merge", tmp_path / "three.db", "--store", tmp_path / "one.db")
    assert done.code == 1
    content = [hashlib.sha256(text.encode()).hexdigest()[:12] for text in (TEXT + "abc", TEXT)]
    assert f"file task.file {content[0]} (here {content[1]})" in done.err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", r'task\.file: is required and missing\. Write into \[task\]: file = "my-text\.txt"'),
        ('file = ""', "is no path"),
        ("file = 3", "3 is no path"),
        ('file = "."', "is a folder"),
        ('file = "/dev/null"', "is no file"),
        ('file = "none.txt"', r"study/none\.txt does not exist"),
        ('file = "words.txt"\ntrain = 5', r"task\.train: unknown key. Known: file, keep, level"),
    ],
)
def test_what_is_no_file_is_said_with_its_line(folder: Path, line: str, told: str) -> None:
    (folder / "mine.toml").write_text(STUDY.replace('file = "words.txt"', line))
    with pytest.raises(StudyError, match=told):
        read_study(folder / "mine.toml")
