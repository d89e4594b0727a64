"""What a report of number sequences shows first, leaves out and folds; that of the adding problem shows everything.

Planted and found: the figures of lengths kept where no length varies; panels left out without a word; a long table open
on a screen; a folded table that is not printed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.report.page import Page
from tests.stored import stored
from unroll.reading import Results
from unroll.report import report
from unroll.report.choice import choose

TASKS = ("odd_numbers", "fibonacci", "linear_recurrence", "geometric", "sine", "alternating", "cubes")
MODELS = ("tanh_rnn", "feedforward")
RATES = (0.001, 0.01)


def continued(regimes: tuple[str, ...] = ("within", "larger")) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table ``generation`` and a table ``horizons``: the second rate is nearer to the truth."""
    conditions = [
        {"task": task, "model": model, "length": 5, "train.learning_rate": rate, "relative_error": 0.001 / rate}
        for task in TASKS
        for model in MODELS
        for rate in RATES
    ]
    steps = [
        {**one, "seed": 1, "key": str(place), "step": step, "value": step * 2.0, "truth": step * 2.0 + 1}
        for place, one in enumerate(conditions)
        for step in range(1, 9)
    ]
    ahead = [
        {**one, "regime": regime, "horizon": horizon, "n": 1, "absolute_error": 1.0, "each_seed": [0.1],
         "one_step_error": 0.1, "relative_error_low": 0.01, "relative_error_high": 1.0}
        for one in conditions
        for regime in regimes
        for horizon in (1, 8)
    ]  # fmt: skip
    return pd.DataFrame(steps), pd.DataFrame(ahead)


@pytest.fixture
def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    steps, ahead = continued()
    monkeypatch.setattr(Results, "generation", lambda self: steps)
    monkeypatch.setattr(Results, "horizons", lambda self: ahead)
    pairs = [(task, model) for task in TASKS for model in MODELS]
    return stored(tmp_path / "results.db", name="families", pairs=pairs, lengths=[5], seeds=[1], rates=RATES)


def test_without_lengths_to_compare_the_map_of_tasks_leads(numbers: Results):
    choice = choose(numbers)
    assert choice.lead == "solved"
    assert choice.title("solved") == "Which tasks are solved"
    assert set(choice.tables) == {"solved", "effects", "continuation", "horizons"}
    assert not choice.lengths


def test_panels_left_out_are_counted_and_can_be_asked_for(numbers: Results):
    words = Page(report(numbers)).words
    assert "seven panels of 14 left out. All: unroll plot" in words
    assert "continuation --out continuation.svg" in words
    assert "Shown: parameters of the trained range, of each task" in words
    assert "21 panels of 28 left out" in words
    assert "Span" not in words


def test_one_model_leads_with_its_continuations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    steps, ahead = (table[table["model"] == "tanh_rnn"] for table in continued())
    monkeypatch.setattr(Results, "generation", lambda self: steps)
    monkeypatch.setattr(Results, "horizons", lambda self: ahead)
    pairs = [(task, "tanh_rnn") for task in TASKS]
    choice = choose(stored(tmp_path / "results.db", pairs=pairs, lengths=[5], seeds=[1]))
    assert choice.lead == "continuation"
    assert "solved" not in choice.tables


def test_a_study_of_lengths_shows_every_figure(tmp_path: Path):
    choice = choose(stored(tmp_path / "results.db"))
    assert (choice.lead, choice.lengths) == ("solved", True)
    assert choice.title("solved") == "Which lengths are solved"
    assert list(choice.tables) == ["lengths", "solved", "learning", "gradients", "timing"]
    assert not any(choice.left_out(name, "study") for name in choice.tables)


def test_long_tables_are_folded_and_printed(tmp_path: Path):
    short = report(stored(tmp_path / "short.db"))
    assert "<details" not in short
    lengths = range(10, 30)
    pairs = [("adding", model) for model in MODELS]
    long = report(stored(tmp_path / "long.db", pairs=pairs, lengths=lengths, seeds=[1], epochs=1))
    page = Page(long)
    assert page.open == page.crossed == []
    assert "Test MSE · baseline 0.1667 40 rows" in page.words
    assert "<details open" not in long
    printed = re.search(r"@media print \{(.*)", long, re.DOTALL)[1]
    assert "details::details-content { content-visibility: visible; block-size: auto; }" in printed
