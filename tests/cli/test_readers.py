"""The pages for students, teachers, researchers and PyTorch users: every command and every program in them is run.

The studies are smaller than those that come with unroll, and are called the same. Planted and found: a misspelt option;
a command whose study was not run before; an exercise without an answer; a program that reads what nobody wrote.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from unroll.study import files

DOCS = Path(__file__).parents[2] / "docs"
STUDIES = Path(files.__file__).parents[1] / "studies"
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SMALLER = (
    (r"train = \d+", "train = 60"),
    (r"(validation|test) = [1-9]\d*", r"\1 = 40"),
    (r"epochs = \d+", "epochs = 2"),
)
PAGES = ("student.md", "lesson.md", "research.md")


def smaller(text: str) -> str:
    """Return a study's text with little to train."""
    for setting, value in SMALLER:
        text = re.sub(setting, value, text)
    return re.sub(r"length = \[[\d, ]{6,}\]", "length = [5, 6]", text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, where the shipped studies are small."""
    (tmp_path / "package" / "studies").mkdir(parents=True)
    for path in STUDIES.glob("*.toml"):
        (tmp_path / "package" / "studies" / path.name).write_text(smaller(path.read_text()))
    monkeypatch.setattr(files, "files", lambda package: tmp_path / "package")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_says_is_run_from_top_to_bottom(page: str, folder: Path, unroll):
    text = (DOCS / page).read_text()
    named = iter(re.findall(r"^`(\w+\.toml)`:$", text, re.MULTILINE))
    commands = 0
    for language, block in FENCED.findall(text):
        if language == "toml":
            Path(next(named)).write_text(smaller(block))
        elif language == "python":
            exec(compile(block, page, "exec"), {})
        for line in block.replace("\\\n", "").splitlines() if language == "text" else ():
            if line.startswith("unroll "):
                words = shlex.split(line)[1:]
                words += ["--executor", "inline"] if words[0] == "run" and "--dry-run" not in words else []
                done = unroll(*[word.replace("train.epochs=30", "train.epochs=2") for word in words])
                assert done.code == 0, f"{line}: {done.err}"
                assert done.out or done.err, line
                commands += 1
    assert commands >= 4
    for name in re.findall(r"--out (\S+)", text):
        assert (folder / name).exists(), name
        shutil.copy(folder / name, folder.parent)


def test_every_exercise_has_an_answer():
    text = (DOCS / "lesson.md").read_text()
    lesson, answers = text.split("## Answers")
    asked = [int(number) for number in re.findall(r"^(\d)\. ", lesson, re.MULTILINE)]
    answered = [int(number) for number in re.findall(r"^(\d)\. ", answers, re.MULTILINE)]
    assert asked == answered == list(range(1, 9))
