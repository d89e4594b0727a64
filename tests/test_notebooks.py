"""The notebooks run from top to bottom, each is the same as text and as notebook, and their outputs are the code's.

Planted and found: a cell that raises; an output of a cell that shows times; an output that is gone; a path in an
output; a cell changed in one of the two forms only; a figure that the code draws otherwise.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

from published import notebooks

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.py"))

INLINE = "import functools; unroll.run = functools.partial(unroll.run, executor='inline')"
"""Workers would import torch again for each of the studies; tests/running/test_jupyter.py has them in a kernel."""
SMALLER = {
    "adding_problem": ["train.epochs=1", "task.train=48", "task.validation=16", "task.test=32", "seed=[1,2]"],
    "sequence_generation": ["train.epochs=1", "task.train=48", "task.validation=48", "task.test=32", "seed=[1]"],
}


def as_text(name: str) -> nbformat.NotebookNode:
    return jupytext.read(NOTEBOOKS / f"{name}.py")


def parts(notebook: nbformat.NotebookNode) -> list[tuple[str, str, list[str]]]:
    return [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def shown(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    """Return what the cells show of a kind such as "text/html"."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    return [output["data"][kind] for output in outputs if kind in output.get("data", {})]


def test_there_are_two():
    assert NAMES == ["adding_problem", "sequence_generation"]


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_agree(name: str):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    again = f"Write it again: python -m jupytext --to ipynb --update notebooks/{name}.py"
    assert parts(notebook) == parts(as_text(name)), again


def outputs(notebook: nbformat.NotebookNode) -> list[list[dict[str, str]]]:
    """Return what each cell of code shows: its texts by kind."""
    return [
        [dict(output.get("data", {})) or {output.name: output.text} for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_was_executed_in_order_and_shows_what_it_made(name: str):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    again = f"Execute it again: make notebooks ONLY={name}"
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), again
    for cell, shows in zip(code, outputs(notebook), strict=True):
        unkept = bool(notebooks.UNKEPT & set(cell.metadata.get("tags", ())))
        last = ast.parse(cell.source).body[-1]
        prints = "print(" in cell.source or isinstance(last, ast.Expr)
        assert bool(shows) == (prints and not unkept), f"{cell.source}: {again}"
        assert bool(re.search(r"\.plot\.", cell.source) and not unkept) == any(
            "image/svg+xml" in one for one in shows
        ), again
        assert "stderr" not in {kind for one in shows for kind in one}
        for text in (text for one in shows for kind, text in one.items() if kind != "image/svg+xml"):
            assert not re.search(r"(?<!\w)/(?:\w+/)+|\d{4}-\d\d-\d\d|(?<!\d)0x[0-9a-f]{4,}|s/epoch|per epoch", text), (
                text
            )


def test_the_figures_of_the_first_notebook_are_those_of_the_pages():
    notebook = nbformat.read(NOTEBOOKS / "adding_problem.ipynb", as_version=4)
    figures = NOTEBOOKS.parent / "docs" / "figures"
    drawn = shown(notebook, "image/svg+xml")
    for name in ("lengths", "learning"):
        assert (figures / f"{name}.svg").read_text().strip() in [one.strip() for one in drawn], "make notebooks"


@pytest.mark.slow
@pytest.mark.skipif(
    "NOTEBOOKS" not in os.environ, reason="trains for minutes, and asks for one processor: make check-notebooks"
)
@pytest.mark.parametrize("name", NAMES)
def test_the_stored_outputs_are_those_of_the_current_code(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stored = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    if dict(stored.metadata[notebooks.FACTS]) != notebooks.facts():
        pytest.skip("executed on another kind of processor, or with other versions")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    now = notebooks.executed(as_text(name), tmp_path)
    assert outputs(now) == outputs(stored), f"Execute it again: make notebooks ONLY={name}"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_runs_and_shows_what_it_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = as_text(name)
    (settings,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    assert "SMALLER = []" in settings.source
    settings.source += f"\nSEEDS, SMALLER = [], {SMALLER[name]}\n{INLINE}"
    nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()

    figures, tables = shown(notebook, "image/svg+xml"), shown(notebook, "text/html")
    plots = sum(cell.source.count(".plot.") for cell in notebook.cells if cell.cell_type == "code")
    runs = sum(cell.source.count("unroll.run(") for cell in notebook.cells if cell.cell_type == "code")
    assert len(figures) == plots
    assert sum("complete, after" in text for text in shown(notebook, "text/plain")) == runs
    assert sum("<table" in text for text in tables) >= 3
    errors = [output for cell in notebook.cells for output in cell.get("outputs", ()) if output.output_type == "stream"]
    assert not [output.text for output in errors if output.name == "stderr"]
