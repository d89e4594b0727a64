"""The reading side names no plug-in: neither a task, a model, a representation nor any other, nor a measure's module.

What counts as a name, since many names are English words as well: a string of code that is nothing but the name; and a
name that is no English word, wherever it stands in code as an identifier or as a word of a string. Docstrings and
comments may explain by example. Help texts of commands are not docstrings, and count, but for examples in
``metavar``.

Planted and found: a figure's special case for "announce"; a sentence about the tanh RNN; an import of one measure.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import unroll
from unroll import registry
from unroll.tasks.representation import REPRESENTATIONS

ROOT = Path(unroll.__file__).parent
ROOMS = ("reading.py", "choosing.py", "held.py", "analysis", "plots", "report", "exporters", "cli")
FAMILIES = (registry.tasks, registry.models, registry.objectives)
WORDS = {"text", "series"}
"""Tasks whose names stand for other things too: elements of pages, columns of tables."""
NAMES = ({name for family in FAMILIES for name in family._builtin} | set(REPRESENTATIONS)) - WORDS
COMMANDS = {"copy"}
"""Names of commands, which stand in ``cli/main.py``."""
COINED = {name for name in NAMES if "_" in name} | {"lstm", "gru", "fibonacci", "feedforward", "narma"}
"""Those that are no English words."""
ADDITIONS = {
    "copy": ("tasks/copy.py", "registry.py", "studies/"),
    "gradient_through_time": ("measures/gradient_through_time/", "registry.py", "studies/"),
}
"""Plug-ins that show what an addition costs: the files that may name them. "copy" is also a command, in ``cli``."""


def files() -> Iterator[Path]:
    for room in ROOMS:
        path = ROOT / room
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of the strings that are statements: docstrings of modules, classes, functions, attributes."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def named(text: str) -> set[str]:
    """Return the plug-ins that a program names."""
    tree = ast.parse(text)
    explained = docstrings(tree)
    found: set[str] = set()
    for node in ast.walk(tree):
        words: set[str] = set()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explained:
            found |= {node.value} & NAMES
            words = set(re.findall(r"\w+", node.value))
        elif isinstance(node, ast.Name):
            words = {node.id}
        elif isinstance(node, ast.Attribute):
            words = {node.attr}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.arg | ast.keyword):
            words = {str(getattr(node, "name", getattr(node, "arg", "")))}
        elif isinstance(node, ast.ImportFrom):
            words = set(str(node.module).split("."))
            found |= {f"{node.module}" for name in registry.measures._builtin if f"measures.{name}" in str(node.module)}
        found |= words & COINED
    return found


@pytest.mark.parametrize("path", list(files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_reading_side_names_no_plug_in(path: Path):
    assert named(path.read_text(encoding="utf-8")) - (COMMANDS if path.name == "main.py" else set()) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('if task == "announce": pass', {"announce"}),
        ('say("the tanh_rnn is better")', {"tanh_rnn"}),
        ("from unroll.measures.traps.table import TRAPS", {"unroll.measures.traps.table"}),
        ('"""Such as {"model": "gru"}."""', set()),
        ("frame = frame.copy()  # not the task", set()),
        ("def gru(): pass", {"gru"}),
    ],
)
def test_what_counts_as_a_name(text: str, found: set[str]):
    assert named(text) == found


@pytest.mark.parametrize("name", ADDITIONS)
def test_an_addition_is_named_in_its_own_file_and_in_the_registry(name: str):
    """As a string or a module of code; in its documentation and in English "copy" is a word like any other."""
    places = set()
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        explained = docstrings(tree)
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in explained else None
            module = str(node.module) if isinstance(node, ast.ImportFrom) else ""
            if text == name or f"tasks.{name}" in module or f"measures.{name}" in module:
                places.add(str(path.relative_to(ROOT)))
    for path in (*ROOT.rglob("*.toml"), *ROOT.rglob("*.j2")):
        if f'"{name}"' in path.read_text(encoding="utf-8"):
            places.add(str(path.relative_to(ROOT)))
    allowed = (*ADDITIONS[name], *(("cli/main.py",) if name in COMMANDS else ()))
    assert {place for place in places if not place.startswith(allowed)} == set()
