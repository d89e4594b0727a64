"""The map of lag and capacity, against numbers worked out by hand.

Planted and found: the hidden units of a feedforward network taken as its memory; test MSE not divided by its baseline.
"""

from __future__ import annotations

import math

from tests.analysis.frames import trials
from unroll.measures.window_lag.table import window_lag


def test_a_row_a_model_lag_and_capacity():
    window = {"model": "feedforward", "model.window": 8, "model.hidden": 16, "model.parameters": 99, "solved": 1.0}
    hidden = {"model": "gru", "model.window": None, "model.hidden": 4, "model.parameters": None, "solved": 0.0}
    sized = {**hidden, "model.hidden": 64, "model.parameters": 500}
    frame = trials(
        [
            {"key": "a1", **hidden, "length": 16, "score": 0.25},
            {"key": "a2", **hidden, "length": 16, "score": 0.125},
            {"key": "a3", **hidden, "length": 16, "score": 0.5},
            {"key": "b1", **hidden, "length": 4, "score": 0.0},
            {"key": "c1", **window, "length": 4, "score": 0.005},
            {"key": "d1", **window, "length": 16, "state": "waiting", "score": math.nan},
            {"key": "e1", "model": "drift", "model.window": None, "model.hidden": None, "score": 1.0, "solved": 0.0},
            {"key": "f1", **sized, "length": 16, "score": 0.25},
        ]
    )
    table = window_lag(frame)
    assert list(zip(table["model"], table["length"], table["capacity_name"], table["capacity"], strict=True)) == [
        ("gru", 4, "hidden", 4),
        ("gru", 16, "hidden", 4),
        ("feedforward", 4, "window", 8),
        ("feedforward", 16, "window", 8),
    ]
    assert list(table["unexplained"])[:3] == [0.0, 0.5, 0.01]
    assert math.isnan(table["unexplained"].iloc[3])
    assert table["each_seed"].iloc[1] == [0.5, 0.25, 1.0]
    assert list(table["solved"]) == [0, 0, 1, 0]
    assert list(table["n"]) == [1, 3, 1, 0]


def test_no_trial_of_the_kind():
    assert window_lag(trials([{"key": "a1"}]).iloc[:0]).empty
