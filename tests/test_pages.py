"""The pages name everything: each command, public name, task, model and figure, and each other.

Planted and found: a command's help changed without the page; a public name, a task and a figure left out; a page that
no list of contents names; an unknown study in a command.
"""

from __future__ import annotations

import importlib.util
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import unroll
from unroll import registry
from unroll.cli.main import COMMANDS
from unroll.measures.figures import drawn

DOCS = Path(__file__).parents[1] / "docs"
REFERENCE = "".join(path.read_text() for path in sorted((DOCS / "reference").glob("*.md")))
WHOLE = ("analysis", "errors", "kernels", "models", "nn", "plots", "tasks", "testing")
"""Packages of which the reference shows every public name."""


def program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_gallery_is_what_the_tasks_show():
    pytest.importorskip("sklearn")
    written = program("gallery").written()
    kept = {path: (DOCS / path).read_text() for path in written}
    assert kept == written, "Draw it again: make docs"
    assert {path.stem for path in (DOCS / "figures" / "tasks").iterdir()} == set(registry.tasks.own())


def test_the_commands_are_as_they_say_of_themselves():
    commands = program("commands")
    assert commands.PAGE.read_text() == commands.page(), "Write it again: make docs"
    for name in COMMANDS:
        assert f"\n## unroll {name}\n" in commands.page()


def test_every_public_name_is_in_the_reference():
    listed = set(re.findall(r"auto(?:class|function):: (?:unroll\.)?(\w+)$", REFERENCE, re.MULTILINE))
    assert set(unroll.__all__) - listed == set()
    modules = set(re.findall(r"automodule:: (unroll[\w.]*)$", REFERENCE, re.MULTILINE))
    assert {f"unroll.{package}" for package in WHOLE} - modules == set()
    for module in modules:
        assert import_module(module).__doc__, module


@pytest.mark.parametrize("family", [registry.tasks, registry.models], ids=["tasks", "models"])
def test_every_task_and_model_is_in_the_reference(family: registry.Family):
    for name in family._builtin:
        plugin = family.load(name)
        assert f"autoclass:: {plugin.__module__}.{plugin.__name__}\n" in REFERENCE


def test_every_page_is_in_the_contents():
    contents = (DOCS / "index.md").read_text()
    lists = "".join(re.findall(r"```\{toctree\}(.*?)```", contents, re.DOTALL))
    listed = {line for line in lists.splitlines() if line and not line.startswith(":")}
    pages = {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")} - {"index"}
    assert pages == listed


def test_figures_have_a_use():
    shown = "".join(path.read_text() for path in DOCS.rglob("*.md"))
    for path in (DOCS / "figures").rglob("*.*"):
        assert f"{path.relative_to(DOCS)})" in shown, path.name
    for name in drawn():
        assert f"`{name}`" in shown, name


@pytest.mark.parametrize("path", sorted(path.relative_to(DOCS) for path in DOCS.glob("*/*.md")), ids=str)
def test_links_of_the_reference_lead_somewhere(path: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", (DOCS / path).read_text()):
        assert target.startswith("http") or ((DOCS / path).parent / target).exists(), target


@pytest.mark.parametrize("path", sorted(path.relative_to(DOCS) for path in DOCS.glob("*.md")), ids=str)
def test_commands_and_studies_in_the_pages_exist(path: Path):
    text = (DOCS / path).read_text()
    for command in re.findall(
        r"^(?:\$ )?unroll (\w+)", "\n".join(re.findall(r"```.*?\n(.*?)```", text, re.DOTALL)), re.MULTILINE
    ):
        assert command in COMMANDS, command
    for study in re.findall(r"unroll (?:run|show|report|plot|export) ([a-z]+(?:-[a-z]+)*)\b(?!\.)", text):
        assert study in unroll.shipped_studies(), study


SMALLER = {
    "generation.md": ('"seed=1"]', '"seed=1", "task.train=60", "train.epochs=1"]'),
    "results.md": ('read_study("adding-quick")', 'read_study("adding-quick", ["task.train=64", "train.epochs=1"])'),
}


@pytest.mark.parametrize("path", SMALLER)
def test_python_in_the_pages_runs(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    text = "\n".join(re.findall(r"```python\n(.*?)^```", (DOCS / path).read_text(), re.DOTALL | re.MULTILINE))
    was, smaller = SMALLER[path]
    assert was in text
    text = text.replace(was, smaller).replace("run(study, ", "run(study, executor='inline', progress=False, ")
    if path == "results.md":  # it reads what a run has left
        study = unroll.read_study("adding-quick", ["task.train=64", "train.epochs=1"])
        unroll.run(study, "results.db", executor="inline", progress=False)
        text = text.replace(
            'unroll.results("adding-quick"', f"unroll.results({smaller.replace('read_study', 'unroll.read_study')}"
        )
    exec(compile(text, path, "exec"), {})
    assert capsys.readouterr().out
