"""What the traps were worth, against numbers worked out by hand.

Planted and found: the worth turned upside down; a notebook of another task taken as the measure; a waiting trial
counted; the notebook's error under another setting taken as the measure.
"""

from __future__ import annotations

import math

from tests.analysis.frames import trials
from unroll.measures.traps.table import traps

ON = {"task.scale": "whole", "generate.prime": "twice", "task.split": "none", "model.nonlinearity": "tanh"}
ON = {**ON, "task.representation": "raw", "one_step_relative_error_within": 0.25, "prompt_error": 0.6}


def test_worth_is_measured_against_the_notebook_of_the_same_task():
    frame = trials(
        [
            {"key": "a1", **ON, "relative_error_8": 0.5},
            {"key": "a2", **ON, "relative_error_8": 0.75},
            {"key": "a3", **ON, "relative_error_8": 0.125},
            {"key": "b1", **ON, "generate.prime": "once", "relative_error_8": 0.125},
            {"key": "b2", **ON, "generate.prime": "once", "state": "waiting"},
            {"key": "c1", **ON, "generate.prime": "once", "model.nonlinearity": None, "relative_error_8": 0.0},
            {"key": "d1", **ON, "task": "fibonacci", "task.split": "parameters", "relative_error_8": 0.5},
        ]
    )
    table = traps(frame)
    a, b, c, d = (row for _, row in table.iterrows())
    assert (a["off"], a["n"], a["relative_error"], a["worth"]) == ([], 3, 0.5, 1.0)
    assert a["relative_error_8"] == [0.5, 0.75, 0.125]
    assert (a["prompt_error"], a["one_step_error"]) == (0.6, 0.25)
    assert (b["off"], b["n"], b["worth"]) == (["priming twice"], 1, 4.0)
    assert c["off"] == ["priming twice"], "a model without the setting, such as an LSTM, has not turned its bound off"
    assert math.isnan(c["worth"]), "nothing is left to divide by"
    assert d["off"] == ["overlap"]
    assert math.isnan(d["worth"]), "the notebook of another task says nothing"


def test_worth_is_measured_against_the_same_in_everything_else_that_varies():
    off = {**ON, "generate.prime": "once"}
    frame = trials(
        [
            {"key": "a1", **ON, "task.train": 5, "relative_error_8": 0.5},
            {"key": "b1", **ON, "task.train": 50, "relative_error_8": 0.3},
            {"key": "c1", **off, "task.train": 5, "relative_error_8": 0.25},
            {"key": "d1", **off, "task.train": 50, "relative_error_8": 0.1},
            {"key": "e1", **off, "task.train": None, "relative_error_8": 0.1},
        ]
    )
    worth = traps(frame, ["task.train", "generate.prime"])["worth"].tolist()
    assert worth[:4] == [1.0, 1.0, 2.0, 0.3 / 0.1]
    assert math.isnan(worth[4])
    of_codes = frame.assign(**{"task.representation": ["raw", "difference", "raw", "difference", "raw"]})
    assert traps(of_codes, ["task.representation"])["worth"].tolist()[:4] == [1.0, 1.0, 2.0, 0.3 / 0.1]
    ambiguous = traps(frame, [])["worth"]
    assert ambiguous.isna().all(), "two conditions have every trap on, and neither is the one to divide by"


def test_further_factors_are_columns():
    assert "task.train" in traps(trials([{"key": "a1", **ON, "task.train": 5}]), ["task.train", "task.scale"]).columns
