"""Two models over seeds.

Planted and found: pairs by place instead of by seed; a pair with a failed trial counted; the sign of the difference.
"""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.builders import trials
from unroll.analysis import comparison


def only(outcomes) -> dict:
    (row,) = comparison(trials(outcomes), "lstm", "gru").to_dict("records")
    return row


def test_three_seeds_by_hand():
    row = only({("lstm", 50): [0.05, 0.06, 0.10], ("gru", 50): [0.01, 0.01, 0.02]})
    assert row["differences"] == pytest.approx([0.04, 0.05, 0.08])
    assert row["difference"] == pytest.approx(0.17 / 3)
    assert 0.04 <= row["low"] <= row["difference"] <= row["high"] <= 0.08
    assert (row["n"], row["first_better"], row["p"], row["smallest_p"]) == (3, 0, 0.25, 0.25)
    assert row["sentence"] == (
        "GRU has the lower test MSE in 3 of 3 seeds, but three seeds cannot show significance (smallest p 0.25)."
    )


def test_pairs_are_of_equal_seeds_and_only_of_complete_trials():
    frame = trials({("lstm", 50): [0.5, "failed", 0.3, 0.2], ("gru", 50): [0.1, 0.2, "waiting", 0.4]})
    row = comparison(frame.iloc[::-1], "lstm", "gru").to_dict("records")[0]
    assert dict(zip(row["seeds"], row["differences"], strict=True)) == pytest.approx({1: 0.4, 4: -0.2})
    assert sorted(row["unpaired"]) == [2, 3]


def test_what_is_said():
    more = [0.001 * seed for seed in range(1, 7)]
    much = only({("lstm", 9): [0.1 + x for x in more], ("gru", 9): more})
    assert (
        much["sentence"]
        == "GRU has the lower test MSE in 6 of 6 seeds; the difference to LSTM is significant (p 0.031)."
    )
    mixed = only({("lstm", 9): [0.1, 0.3, 0.2, 0.1, 0.2, 0.3], ("gru", 9): [0.2, 0.1, 0.3, 0.1, 0.1, 0.2]})
    assert "is not significant (p" in mixed["sentence"]
    assert "no seed" in only({("lstm", 9): ["failed"], ("gru", 9): [0.1]})["sentence"].lower()
    assert "same test MSE" in only({("lstm", 9): [0.1, 0.1], ("gru", 9): [0.1, 0.1]})["sentence"]
    one = only({("lstm", 9): [0.1], ("gru", 9): [0.2]})
    assert one["low"] is None
    assert one["sentence"] == "LSTM has the lower test MSE, but one seed cannot show significance (smallest p 1)."


def test_only_what_both_models_have_and_equal_settings_are_compared():
    parts = [trials({("lstm", 9): [0.1], ("gru", 9): [0.2]}, **{"train.epochs": e}) for e in (1, 2)]
    frame = pd.concat([*parts, trials({("lstm", 20): [0.1]}, **{"train.epochs": 1})])
    table = comparison(frame, "lstm", "gru", ["train.epochs"])
    assert list(zip(table["length"], table["train.epochs"], table["n"], strict=True)) == [(9, 1, 1), (9, 2, 1)]
    assert comparison(frame, "lstm", "nobody").empty
