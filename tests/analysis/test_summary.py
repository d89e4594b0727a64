"""Conditions, against numbers worked out by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy import stats

from unroll.analysis import conditions


def trials(*rows: tuple) -> pd.DataFrame:
    names = ["condition", "length", "seed", "state", "score", "seconds_per_epoch", "solved"]
    frame = pd.DataFrame(rows, columns=names)
    criterion = {
        "solved_metric": "test_mse",
        "solved_below": 0.01,
        "solved_above": math.nan,
        "criterion": "test MSE < 0.01",
        "score_name": "test_mse",
        "score_words": "test MSE",
        "chance": math.nan,
        "memoryless": True,
        "second_name": None,
        "second_words": None,
        "second_loss": math.nan,
        "second_accuracy": math.nan,
    }
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
    assert math.isclose(a["score_mean"], 0.006)
    assert math.isclose(a["score_std"], math.sqrt((16 + 4 + 36) / 2) / 1000)
    assert (a["n"], a["solved"], a["complete"], a["failed"], a["waiting"]) == (3, 2, 3, 0, 0)
    assert a["seconds_per_epoch"] == 2.0
    assert b["scores"] == [0.1, None, None]
    assert b["seeds"] == [1, 2, 3]
    assert (b["n"], b["solved"], b["complete"], b["failed"], b["waiting"]) == (1, 0, 1, 1, 1)
    assert b["score_mean"] == 0.1
    assert math.isnan(b["score_std"]), "one seed has no spread"
    assert c["scores"] == [None]
    assert math.isnan(c["score_mean"])
    assert a["score_median"] == 0.004
    assert (a["score_min"], a["score_max"]) == (0.002, 0.012)
    assert math.isnan(a["score_median_low"]), "three seeds have no interval that keeps its promise"
    assert a["ratio"] == pytest.approx(0.024)
    assert a["solved_rate"] == pytest.approx(2 / 3)
    assert (a["solved_low"], a["solved_high"]) == pytest.approx((0.0942993, 0.9915962))
    assert (b["score_min"], b["score_max"]) == (0.1, 0.1)
    assert math.isnan(b["solved_low"])
    assert math.isnan(c["solved_rate"])


def test_six_seeds_have_an_interval_for_the_median():
    losses = [0.5, 0.1, 0.4, 0.2, 0.3, 3e35]
    row = conditions(trials(*(("a", 10, s, "complete", loss, 1.0, 0.0) for s, loss in enumerate(losses)))).iloc[0]
    assert (row["score_median_low"], row["score_median"], row["score_median_high"]) == (0.1, 0.35, 3e35)


def test_how_many_are_better_than_who_remembers_nothing():
    frame = trials(*(("a", 10, seed, "complete", 0.1, 1.0, 0.0) for seed in (1, 2, 3)))
    assert conditions(frame).iloc[0]["memoryless_p"] == [None] * 3
    assert conditions(frame).isna()["better"].all(), "not recorded"
    told = frame.assign(memoryless_gain=[1.9, 3.0, -5.0], memoryless_gain_error=1.0, memoryless_sequences=2000.0)
    row = conditions(told).iloc[0]
    assert row["memoryless_p"] == pytest.approx([float(stats.t.sf(t, 1999)) for t in (1.9, 3.0, -5.0)])
    assert row["better"] == 1, "0.029 is not enough for the second of three"
    assert conditions(told.assign(memoryless_gain_error=math.nan)).iloc[0]["better"] == 0, "one test sequence"
    assert conditions(told.assign(memoryless_gain=[math.nan, 3, 3])).isna()["better"].all(), "one is not recorded"


def test_updates_until_solved_are_those_of_the_seeds_that_got_there():
    frame = trials(*(("a", 10, seed, "complete", 0.002, 1.0, 1.0) for seed in (1, 2, 3)))
    assert conditions(frame.assign(updates_to_solve=[300.0, math.nan, 100.0]))["updates_to_solve"].tolist() == [200.0]
    assert conditions(frame).isna()["updates_to_solve"].all()


def test_a_task_without_a_baseline_has_no_ratio():
    frame = trials(("a", 10, 1, "complete", 0.002, 1.0, 1.0)).assign(baseline=math.nan)
    assert conditions(frame)["ratio"].isna().all()


def test_losses_without_bound_have_a_median_and_no_warning():
    frame = trials(*(("a", 10, seed, "complete", math.inf, 1.0, 0.0) for seed in (1, 2, 3)))
    (row,) = conditions(frame).to_dict("records")
    assert row["score_median"] == math.inf
    assert math.isnan(row["score_std"])


def test_no_trial_is_complete_yet():
    bare = trials(("a", 10, 1, "waiting", 0, 0, 0)).drop(columns=["seconds_per_epoch", "solved"])
    row = conditions(bare).iloc[0]
    assert row["scores"] == [None]
    assert row["solved"] == 0


def test_further_factors_become_columns():
    frame = trials(("a", 10, 1, "waiting", 0, 0, 0), ("b", 10, 1, "waiting", 0, 0, 0))
    frame["train.learning_rate"] = [0.1, 0.2]
    assert list(conditions(frame, ["train.learning_rate"])["train.learning_rate"]) == [0.1, 0.2]
