"""The notebooks run from top to bottom, and each is the same as text and as notebook.

Planted and found: a cell that raises; an output left in a notebook; a cell changed in one of the two forms only.
"""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

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
def test_both_forms_agree_and_hold_no_outputs(name: str):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    again = f"Write it again: python -m jupytext --to ipynb --update notebooks/{name}.py"
    assert parts(notebook) == parts(as_text(name)), again
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_runs_and_shows_what_it_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = as_text(name)
    (settings,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    assert "SMALLER = []" in settings.source
    settings.source += f"\nSMALLER = {SMALLER[name]}\n{INLINE}"
    nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()

    figures, tables = shown(notebook, "image/svg+xml"), shown(notebook, "text/html")
    plots = sum(cell.source.count(".plot.") for cell in notebook.cells if cell.cell_type == "code")
    runs = sum(cell.source.count("unroll.run(") for cell in notebook.cells if cell.cell_type == "code")
    assert len(figures) == plots
    assert sum("complete, after" in text for text in shown(notebook, "text/plain")) == runs
    assert sum("<table" in text for text in tables) >= 3
    errors = [output for cell in notebook.cells for output in cell.get("outputs", ()) if output.output_type == "stream"]
    assert not [output.text for output in errors if output.name == "stderr"]
