"""What the texts show is run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import unroll
from unroll.study import GenerateSettings
from unroll.tasks.fibonacci import Fibonacci
from unroll.tasks.series import Series

ROOT = Path(__file__).parents[1]


def blocks(path: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / path).read_text(), re.MULTILINE | re.DOTALL)


def test_the_study_file_in_the_docs_is_a_study(tmp_path: Path):
    text, generate, numbers, own = blocks("docs/studies.md", "toml")
    path = tmp_path / "mine.toml"
    path.write_text(text)
    trials = unroll.expand(unroll.read_study(path))
    assert len(trials) == 2 * 2 * 3 * 2
    clipped = {trial.model for trial in trials if trial.train.clip_norm}
    assert clipped == {"lstm"}
    factors = 'name = "a"\n[factors]\ntask = ["fibonacci"]\nmodel = ["gru"]\nlength = [6]\nseed = [1]\n'
    path.write_text(factors + generate)
    shown = unroll.read_study(path)
    assert set(shown.generate) == set(GenerateSettings.model_fields), "every setting is shown"
    assert unroll.expand(shown)[0].generate == GenerateSettings(), "with its default"
    path.write_text(factors + numbers)
    assert unroll.expand(unroll.read_study(path)) == unroll.expand(unroll.read_study(path, ["task.test=500"]))
    assert {"train", *unroll.read_study(path).task} == Fibonacci.model_fields.keys() - {"validation", "test", "fresh"}
    (tmp_path / "my-series.csv").write_text("load,wind\n" + "1,2\n3,4\n" * 200)
    path.write_text(factors.replace("fibonacci", "series") + own)
    assert set(unroll.read_study(path).task) == Series.model_fields.keys()
    assert len(unroll.expand(path)) == 1


@pytest.mark.parametrize("path", ["docs/studies.md", "docs/plug-ins.md", "docs/reports.md"])
def test_python_in_the_docs_runs(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    for text in blocks(path, "python"):
        text = text.replace("unroll.run(study, ", "unroll.run(study, executor='inline', progress=False, ")
        exec(compile(text, path, "exec"), {"__name__": "docs"})


def test_python_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    (text,) = blocks("README.md", "python")
    small = 'read_study("adding-quick", ["task.train=64", "train.epochs=1", "length=10"])'
    text = text.replace('read_study("adding-quick")', small).replace(
        "store=", "executor='inline', progress=False, store="
    )
    assert small in text
    exec(compile(text, "README.md", "exec"), {})
    assert "tanh_rnn" in capsys.readouterr().out


def test_the_accelerated_classifier_computes_the_same(capsys: pytest.CaptureFixture[str]):
    text, layers = blocks("docs/accelerate.md", "python")
    names: dict[str, object] = {}
    exec(compile(text.replace("batches=5", "batches=2"), "docs/accelerate.md", "exec"), names)
    said = capsys.readouterr().out.splitlines()
    exec(compile(layers, "docs/accelerate.md", "exec"), names)
    assert float(capsys.readouterr().out.removeprefix("tensor(").partition(",")[0].rstrip(")\n")) < 1e-5
    assert said[0].startswith("lstm LSTM")
    before, after = (float(line.split()[-1]) for line in said[1:])
    assert after == pytest.approx(before, rel=1e-3)


@pytest.mark.parametrize("path", [path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))])
def test_links_lead_somewhere(path: Path):
    text = (ROOT / path).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert ((ROOT / path).parent / target).exists(), target


def test_architecture_names_what_is_there():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {path.name for path in (ROOT / "src" / "unroll").iterdir() if not path.name.startswith("__")}
    named = set(re.findall(r"`([a-z_]+)(?:/|\.py)`", text))
    modules = {room.removesuffix(".py") for room in rooms if (room.endswith(".py") or "." not in room)}
    assert modules - named == set(), "rooms that ARCHITECTURE.md does not name"


def test_doctests():
    import doctest

    assert doctest.testmod(unroll).failed == 0
    assert doctest.testmod(unroll).attempted > 0


def test_the_entry_points_in_the_docs_are_those_of_the_example():
    (text,) = blocks("docs/plug-ins.md", "toml")
    project = (ROOT / "examples" / "unroll-flip-flop" / "pyproject.toml").read_text()
    entry_points = tomllib.loads(project)["project"]["entry-points"]
    assert tomllib.loads(text)["project"]["entry-points"] == entry_points
