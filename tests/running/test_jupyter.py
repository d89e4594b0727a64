"""A run in a notebook: one display, changed in place; in a real kernel too.

Planted and found: a new display at every change; text that is not escaped; a display that changes with every trial;
``unroll.run`` that does not look whether it is in a kernel.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from tests.running.test_progress import METRICS, STUDY, TRIAL, outlook, told
from unroll.running import jupyter
from unroll.running.jupyter import JupyterProgress


class Screen:
    """A front end: what each display shows now, and how often it was sent something."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.sent = 0

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        place = len(self.shown)
        self.shown.append(bundle)
        self.sent += 1
        return SimpleNamespace(update=lambda bundle, raw: self.update(place, bundle))

    def update(self, place: int, bundle: dict[str, str]) -> None:
        self.shown[place] = bundle
        self.sent += 1


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(jupyter, "import_module", lambda name: screen)
    return screen


def test_a_run_is_one_display_that_says_what_came_of_it(screen: Screen):
    told(JupyterProgress())
    (bundle,) = screen.shown
    head, outcome, *remarks = bundle["text/plain"].splitlines()
    assert head == "adding-quick: 9 trials; 2 complete already; 7 to train, about 2 min on 2 worker processes"
    assert outcome == "1 complete, 1 failed, 5 left for the next time, after under 1 s"
    assert remarks == [
        "a note with [brackets]",
        "failed: tanh_rnn on adding, T = 10, seed 1: DivergedError: The loss [became] nan",
    ]
    assert "<progress" not in bundle["text/html"], "the run is over"
    for line in (head, outcome, *remarks):
        assert line in bundle["text/html"]


def test_the_bar_moves(screen: Screen, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jupyter, "SECONDS", 0.0)
    progress = JupyterProgress()
    progress.begin(outlook())
    progress.advanced(0.25, 80.0)
    assert screen.shown[0]["text/plain"].endswith("\n25%, 0/7 trials, about 80 s left")
    assert '<progress value="0.2500"' in screen.shown[0]["text/html"]
    progress.stopping()
    assert "stopping at the next update" in screen.shown[0]["text/plain"]


def test_a_thousand_trials_are_few_messages_and_few_lines(screen: Screen):
    progress = JupyterProgress()
    progress.begin(outlook(to_train=1000))
    for _ in range(500):
        progress.completed(0, TRIAL, METRICS, 1.0)
        progress.failed(0, TRIAL, {"type": "DivergedError", "message": "nan"})
    progress.end()
    assert screen.sent < 20
    lines = screen.shown[0]["text/plain"].splitlines()
    assert lines[1].startswith("500 complete, 500 failed, after")
    assert lines[2] == "480 earlier ones are left out here"
    assert len(lines) == 3 + jupyter.REMARKS


def test_text_is_escaped(screen: Screen):
    progress = JupyterProgress()
    progress.begin(outlook())
    progress.failed(0, TRIAL, {"type": "E", "message": "<script>alert(1)</script>"})
    progress.end()
    assert "<script" not in screen.shown[0]["text/html"]


def test_nothing_to_train_is_one_line(screen: Screen):
    progress = JupyterProgress()
    progress.begin(outlook(to_train=0, complete=9))
    progress.end()
    assert screen.shown[0]["text/plain"] == f"{STUDY.name}: 9 trials; 9 complete already; nothing to train"


def test_a_run_that_never_began_shows_nothing(screen: Screen):
    JupyterProgress().end()
    assert screen.shown == []


CELLS = (
    """import unroll
study = unroll.read_study("adding-quick", ["task.train=64", "task.test=64", "train.epochs=2", "length=[5]", "seed=[1]"])
results = unroll.run(study, workers=1)""",
    "results",
    "results.plot.lengths()",
    "unroll.run(study).table()",
)


def test_a_kernel_shows_a_run_a_table_and_a_figure_by_themselves(tmp_path, monkeypatch: pytest.MonkeyPatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    run, table, figure, again = (cell.outputs for cell in notebook.cells)

    (shown,) = run
    assert shown.output_type == "display_data"
    assert re.search(r"3 complete, after", shown.data["text/plain"])
    assert "\x1b" not in str(notebook)
    assert "<table" in table[0].data["text/html"]
    assert figure[0].data["image/svg+xml"].lstrip().startswith(("<?xml", "<svg"))
    assert "nothing to train" in again[0].data["text/plain"]
    assert "<table" in again[1].data["text/html"]
