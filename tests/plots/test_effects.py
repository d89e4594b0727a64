"""The figure of settings' effects: a row a level, its median and interval, every combination a mark.

Planted and found: the first level left out; an interval of the logarithms; an unbounded effect off the axes.
"""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from tests.analysis.test_effects import FACTORS, HIDDEN, RATE, grid
from unroll.analysis import effects
from unroll.measures.effects.figure import caption, describe, draw
from unroll.measures.effects.figure import points as table


def source(frame: pd.DataFrame) -> SimpleNamespace:
    return SimpleNamespace(effects=lambda: effects(frame, FACTORS), factors=FACTORS)


def test_a_row_per_level_with_its_median_and_interval():
    frame = grid(np.random.default_rng(1), 6, (np.log(4), 0.0), hidden=(2, 32, 64), noise=0.1)
    made = table(source(frame))
    assert list(zip(made["panel"], made["level"], strict=True)) == [
        (HIDDEN, "2"), (HIDDEN, "32"), (HIDDEN, "64"), (RATE, "0.01"), (RATE, "0.001"),
    ]  # fmt: skip
    by_hand = effects(frame, FACTORS).set_index("level")
    axes = draw(made).axes
    assert [one.get_title(loc="left") for one in axes] == [HIDDEN, RATE]
    lines = [line for line in axes[0].lines if len(line.get_xdata()) == 2 and len(set(line.get_ydata())) == 1]
    intervals = [tuple(line.get_xdata()) for line in lines if line.get_linestyle() == "-"]
    assert intervals == [(by_hand.loc[size, "low"], by_hand.loc[size, "high"]) for size in (32, 64)]
    assert "model.hidden, against 2: 32 times 0.2" in describe(made)
    assert "exact 95 %" in caption(made)


def test_an_unbounded_effect_is_at_the_edge_and_said():
    frame = grid(np.random.default_rng(2), 6, noise=0.1)
    frame.loc[frame[HIDDEN] == 32, "score"] = np.inf
    made = table(source(frame))
    axes = draw(made).axes[0]
    assert any(line.get_marker() == ">" for line in axes.lines)
    assert all(np.isfinite(line.get_xdata()).all() for line in axes.lines)
    assert "32 times unbounded (unbounded to unbounded)" in describe(made)


@pytest.mark.parametrize("levels", [(("raw", "a" * 50), ("raw", "b" * 50)), ("none", None)])
def test_no_two_levels_are_labelled_alike(levels: tuple):
    frame = grid(np.random.default_rng(3), 3)
    names = dict(zip((2, 32), levels, strict=True))
    frame[HIDDEN] = pd.Series([names[size] for size in frame[HIDDEN]], dtype=object)
    figure = draw(table(source(frame)))
    figure.draw_without_rendering()
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(set(labels)) == len(labels) == 2
    assert figure.findobj(mpl.text.Text)


def test_without_two_levels_of_a_setting_there_is_none():
    frame = grid(np.random.default_rng(4), 3)
    assert table(source(frame[(frame[HIDDEN] == 2) & (frame[RATE] == 0.01)])).empty
