"""Conditions, against numbers worked out by hand."""

from __future__ import annotations

import math

import pandas as pd

from unroll.analysis import conditions


def trials(*rows: tuple) -> pd.DataFrame:
    names = ["condition", "length", "seed", "state", "test_mse", "seconds_per_epoch", "solved"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(task="adding", model="lstm", notes="", parameters=10, baseline=1 / 6)


def test_numbers_by_hand():
    table = conditions(
        trials(
            ("a", 10, 1, "complete", 0.002, 1.0, 1.0),
            ("a", 10, 2, "complete", 0.004, 9.0, 1.0),
            ("a", 10, 3, "complete", 0.012, 2.0, 0.0),
            ("b", 20, 1, "complete", 0.1, 1.0, 0.0),
            ("b", 20, 2, "failed", math.nan, math.nan, math.nan),
            ("b", 20, 3, "running", math.nan, math.nan, math.nan),
            ("c", 30, 1, "waiting", math.nan, math.nan, math.nan),
        )
    )
    a, b, c = (row for _, row in table.iterrows())
    assert math.isclose(a["test_mse_mean"], 0.006)
    assert math.isclose(a["test_mse_std"], math.sqrt((16 + 4 + 36) / 2) / 1000)
    assert (a["n"], a["solved"], a["complete"], a["failed"], a["waiting"]) == (3, 2, 3, 0, 0)
    assert a["seconds_per_epoch"] == 2.0
    assert b["test_mse"] == [0.1, None, None]
    assert b["seeds"] == [1, 2, 3]
    assert (b["n"], b["solved"], b["complete"], b["failed"], b["waiting"]) == (1, 0, 1, 1, 1)
    assert b["test_mse_mean"] == 0.1
    assert math.isnan(b["test_mse_std"]), "one seed has no spread"
    assert c["test_mse"] == [None]
    assert math.isnan(c["test_mse_mean"])


def test_no_trial_is_complete_yet():
    bare = trials(("a", 10, 1, "waiting", 0, 0, 0)).drop(columns=["test_mse", "seconds_per_epoch", "solved"])
    row = conditions(bare).iloc[0]
    assert row["test_mse"] == [None]
    assert row["solved"] == 0


def test_further_factors_become_columns():
    frame = trials(("a", 10, 1, "waiting", 0, 0, 0), ("b", 10, 1, "waiting", 0, 0, 0))
    frame["train.learning_rate"] = [0.1, 0.2]
    assert list(conditions(frame, ["train.learning_rate"])["train.learning_rate"]) == [0.1, 0.2]
