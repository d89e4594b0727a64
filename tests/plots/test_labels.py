"""Labels of panels, series and rows: whatever varies, no two are the same text, and none is cut where it differs.

Planted and found: titles without the length; a factor left out of the title; long titles cut at their end; "gru" and a
model called "GRU" under one label; settings that are spelled alike, such as true and "yes".
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.filled import filled
from tests.stored import stored
from unroll import Study
from unroll.exporters.table import columns
from unroll.plots import panels
from unroll.report import report
from unroll.wording import distinct, labels

LEVELS: dict[str, list[Any]] = {
    "model.hidden": [8, 16, 32],
    "model.nonlinearity": ["tanh", "relu", float("nan")],
    "train.learning_rate": [1e-3, 0.0010000000000001, 1.0],
    "train.clip_norm": [None, 1.0],
    "task.representation": ["raw", "difference", "last_value", "prefix_max"],
    "task.starts": [((1.0, 13.0, 2.0),), ((1.0, 13.0, 2.0), (20.0, 40.0, 2.0)), ((1.0, 13.0, 2.0), (20.0, 40.0, 3.0))],
    "task.mixed": [True, "yes", 1, "1"],
    "generate.steps": [4, 8],
    "train.steps": [4, 8],
}
NAMES = [
    "gru",
    "GRU",
    "tanh_rnn",
    "tanh RNN",
    "a_model_of_a_third_party_with_gates",
    "a_model_of_a_third_party_with_gaps",
]
TASKS = ["fibonacci", "odd_numbers", "odd numbers", "Fibonacci"]


@st.composite
def frames(draw: st.DrawFn) -> tuple[pd.DataFrame, list[str]]:
    factors = draw(st.lists(st.sampled_from(sorted(LEVELS)), unique=True, max_size=4))
    drawn = [draw(st.lists(st.sampled_from(range(len(LEVELS[name]))), unique=True, min_size=1)) for name in factors]
    levels = [[LEVELS[name][place] for place in places] for name, places in zip(factors, drawn, strict=True)]
    tasks = draw(st.lists(st.sampled_from(TASKS), unique=True, min_size=1, max_size=3))
    lengths = draw(st.lists(st.sampled_from([5, 10, 2000]), unique=True, min_size=1))
    rows = list(product(tasks, lengths, *levels))
    frame = pd.DataFrame({"task": [row[0] for row in rows], "length": [row[1] for row in rows]})
    for place, name in enumerate(factors):
        frame[name] = pd.Series([row[place + 2] for row in rows], dtype=object)
    return frame, factors


@settings(deadline=None)
@given(frames())
def test_panels_that_differ_have_titles_that_differ(drawn: tuple[pd.DataFrame, list[str]]):
    frame, factors = drawn
    titles = panels.titles(frame, factors, by_length=True)
    assert len(set(titles)) == len(frame)
    assert len(set(panels.one_line(titles, 30))) == len(frame)
    assert [panels.folded(title).replace("\n", panels.BETWEEN) for title in titles] == titles
    if "train.steps" not in factors and "generate.steps" in factors and frame["generate.steps"].nunique() == 1:
        assert not any("steps = " in title for title in titles), "told, and tells nothing"


@given(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
def test_models_have_labels_of_their_own(names: list[str]):
    assert len(set(labels(names).values())) == len(names)
    column = pd.Series(names)
    assert len(set(panels.series(column, column))) == len(names)


@given(st.lists(st.text("ab", min_size=1, max_size=30), unique=True), st.integers(4, 20))
def test_what_is_cut_stays_different(texts: list[str], most: int):
    assert len(set(distinct(texts, most).values())) == len(texts)


def test_gru_and_GRU_in_figures_tables_and_report(tmp_path: Path):  # noqa: N802 - the names of two models
    results = stored(tmp_path / "r.db", pairs=[("adding", "gru"), ("adding", "GRU")])
    trials = results.plot.table("lengths")
    assert set(trials["series"]) == {"gru", "GRU"}
    shown = columns(results.table(), (), str, lambda value, _: str(value), results.told.counted)
    (models,) = [column for column in shown if column.name == "model"]
    assert set(models.cells) == {"gru", "GRU"}
    text = report(results)
    assert ">gru<" in text
    assert ">GRU<" in text


def test_the_titles_of_a_drawn_figure_are_whole(tmp_path: Path):
    rates = [0.001, 0.0010000000000001, 0.00100000000000012]
    figure = stored(
        tmp_path / "r.db", pairs=[("adding", "gru"), ("an_other_task_of_a_third_party", "gru")], rates=rates
    )
    drawn = figure.plot.lengths()
    shown = [axes.get_title() or axes.get_title(loc="left") for axes in drawn.axes]
    assert len(set(shown)) == len(shown) == 6
    assert all("…" not in title for title in shown)
    assert any("0.0010000000000001" in title for title in shown)


@pytest.mark.parametrize("name", ["tanh_rnn", "lstm", "my_model"])
def test_alone_a_label_is_what_it_was(name: str):
    assert labels([name])[name] == {"tanh_rnn": "tanh RNN", "lstm": "LSTM"}.get(name, name)


def test_no_title_runs_out_of_the_figure(tmp_path: Path):
    study = Study(
        name="grid",
        factors={
            "task": ["adding"],
            "model": ["gru", "lstm"],
            "length": [5, 10],
            "seed": [1],
            "model.hidden": [16, 32],
            "train.learning_rate": [0.001, 0.01],
            "train.optimizer": ["rmsprop"],
            "train.momentum": [0.5, 0.75],
            "train.clip_norm": ["none", 1.0],
        },
    )
    results = filled(tmp_path / "r.db", study)
    for name in ("lengths", "solved"):
        figure = results.plot.draw(name)
        figure.draw_without_rendering()
        edge = figure.bbox.x1
        for axes in figure.axes:
            title = axes.title if axes.get_title() else axes._left_title
            assert title.get_window_extent().x1 <= edge + 1, title.get_text()
