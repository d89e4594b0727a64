"""Conditions, against numbers worked out by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from unroll.analysis import conditions


def trials(*rows: tuple) -> pd.DataFrame:
    names = ["condition", "length", "seed", "state", "test_mse", "seconds_per_epoch", "solved"]
    frame = pd.DataFrame(rows, columns=names)
    criterion = {"solved_metric": "test_mse", "solved_below": 0.01}
    return frame.assign(task="adding", model="lstm", notes="", parameters=10, baseline=1 / 6, **criterion)


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
    assert a["test_mse_median"] == 0.004
    half = 4.302652729911275 * a["test_mse_std"] / math.sqrt(3)
    assert (a["test_mse_low"], a["test_mse_high"]) == pytest.approx((0.006 - half, 0.006 + half))
    assert a["ratio"] == pytest.approx(0.036)
    assert a["solved_rate"] == pytest.approx(2 / 3)
    assert (a["solved_low"], a["solved_high"]) == pytest.approx((0.2076596, 0.9385081))
    assert math.isnan(b["test_mse_low"]), "one seed has no interval"
    assert math.isnan(b["solved_low"])
    assert math.isnan(c["solved_rate"])


def test_updates_until_solved_are_those_of_the_seeds_that_got_there():
    frame = trials(*(("a", 10, seed, "complete", 0.002, 1.0, 1.0) for seed in (1, 2, 3)))
    assert conditions(frame.assign(updates_to_solve=[300.0, math.nan, 100.0]))["updates_to_solve"].tolist() == [200.0]
    assert conditions(frame).isna()["updates_to_solve"].all()


def test_a_task_without_a_baseline_has_no_ratio():
    frame = trials(("a", 10, 1, "complete", 0.002, 1.0, 1.0)).assign(baseline=math.nan)
    assert conditions(frame)["ratio"].isna().all()


def test_no_trial_is_complete_yet():
    bare = trials(("a", 10, 1, "waiting", 0, 0, 0)).drop(columns=["test_mse", "seconds_per_epoch", "solved"])
    row = conditions(bare).iloc[0]
    assert row["test_mse"] == [None]
    assert row["solved"] == 0


def test_further_factors_become_columns():
    frame = trials(("a", 10, 1, "waiting", 0, 0, 0), ("b", 10, 1, "waiting", 0, 0, 0))
    frame["train.learning_rate"] = [0.1, 0.2]
    assert list(conditions(frame, ["train.learning_rate"])["train.learning_rate"]) == [0.1, 0.2]
