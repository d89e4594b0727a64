"""Models compared over seeds, in one family a study.

Planted and found: pairs by place instead of by seed; a pair with a failed trial counted; the sign of the difference;
p left uncorrected for the other pairs; a loss of the last step compared with one of all; an unsolved trial left out
instead of last; losses of rounding ranked.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tests.analysis.builders import trials
from unroll.analysis import comparison, comparisons


def only(outcomes) -> dict:
    (row,) = comparison(trials(outcomes), "lstm", "gru").to_dict("records")
    return row


def test_three_seeds_by_hand():
    row = only({("lstm", 50): [0.05, 0.06, 0.10], ("gru", 50): [0.01, 0.01, 0.02]})
    assert row["effects"] == pytest.approx([5, 6, 5])
    assert row["effect"] == pytest.approx(5)
    assert row["low"] is None
    assert (row["n"], row["first_better"], row["better"]) == (3, 0, "second")
    assert (row["p"], row["p_family"], row["smallest_p"]) == (0.25, 1.0, 0.25)
    assert row["sentence"] == (
        "GRU has the lower test MSE in 3 of 3 seeds, but three seeds cannot separate two models (smallest p 0.25)."
    )


def test_pairs_are_of_equal_seeds_and_only_of_complete_trials():
    frame = trials({("lstm", 50): [0.5, "failed", 0.3, 0.2], ("gru", 50): [0.1, 0.2, "waiting", 0.4]})
    row = comparison(frame.iloc[::-1], "lstm", "gru").to_dict("records")[0]
    assert dict(zip(row["seeds"], row["effects"], strict=True)) == pytest.approx({1: 5, 4: 0.5})
    assert row["unpaired"] == [2, 3]


def test_losses_of_different_steps_are_not_compared():
    """A store may hold trials from before the loss at the last step was recorded."""
    frame = trials({("lstm", 9): [0.1, 0.2, 0.3], ("gru", 9): [0.4, 0.5, 0.6]}, task="every")
    frame["test_mse_common"] = [math.nan, 0.02, 0.03, 0.04, 0.05, 0.06]
    (row,) = comparison(frame, "lstm", "gru").to_dict("records")
    assert (row["seeds"], row["unpaired"]) == ([2, 3], [1])
    assert row["effects"] == pytest.approx([0.4, 0.5])
    old = comparison(frame.drop(columns="test_mse_common"), "lstm", "gru")
    assert old["seeds"][0] == [1, 2, 3]


def test_what_is_said():
    more = [0.001 * seed for seed in range(1, 7)]
    much = only({("lstm", 9): [0.1 + x for x in more], ("gru", 9): more})
    assert much["sentence"] == (
        "GRU has the lower test MSE in 6 of 6 seeds; the difference to LSTM is significant (p 0.031, corrected for all "
        "comparisons of the study)."
    )
    mixed = only({("lstm", 9): [0.1, 0.3, 0.2, 0.1, 0.2, 0.3], ("gru", 9): [0.2, 0.1, 0.3, 0.1, 0.1, 0.2]})
    assert "LSTM is not separated from it by these seeds (p" in mixed["sentence"]
    assert "no seed" in only({("lstm", 9): ["failed"], ("gru", 9): [0.1]})["sentence"].lower()
    assert "same test MSE" in only({("lstm", 9): [0.1, 0.1], ("gru", 9): [0.1, 0.1]})["sentence"]
    one = only({("lstm", 9): [0.1], ("gru", 9): [0.2]})
    assert one["sentence"] == "LSTM has the lower test MSE, but one seed cannot separate two models (smallest p 1)."


def test_only_what_both_models_have_and_equal_settings_are_compared():
    parts = [trials({("lstm", 9): [0.1], ("gru", 9): [0.2]}, **{"train.epochs": e}) for e in (1, 2)]
    frame = pd.concat([*parts, trials({("lstm", 20): [0.1]}, **{"train.epochs": 1})])
    table = comparison(frame, "lstm", "gru", ["train.epochs"])
    assert list(zip(table["length"], table["train.epochs"], table["n"], strict=True)) == [(9, 1, 1), (9, 2, 1)]
    assert comparison(frame, "lstm", "nobody").empty


def test_p_is_corrected_for_the_other_models():
    more = [0.01 * seed for seed in range(1, 8)]
    frame = trials({("gru", 9): more, ("lstm", 9): [5 * x for x in more], ("x", 9): [4 * x for x in more]})
    row = comparison(frame, "lstm", "gru").to_dict("records")[0]
    assert (row["p"], row["p_family"], row["pairs"]) == (2 / 128, 3 * 2 / 128, 3)
    turned = comparison(frame, "gru", "lstm").to_dict("records")[0]
    assert turned["effects"] == pytest.approx([1 / effect for effect in row["effects"]])
    assert (turned["p_family"], turned["better"]) == (row["p_family"], "first")
    few = frame[frame["seed"] < 7]
    assert comparison(few, "lstm", "gru")["smallest_p"].tolist() == [3 * 2 / 64]
    assert "six seeds cannot separate two models, one of three pairs (" in comparison(few, "lstm", "gru")["sentence"][0]


def test_a_pair_with_too_few_seeds_costs_the_others_nothing():
    more = [0.01 * seed for seed in range(1, 7)]
    frame = trials({("gru", 9): more, ("lstm", 9): [5 * x for x in more], ("x", 9): more[:2]})
    assert comparison(frame, "lstm", "gru")["p_family"].tolist() == [2 / 64]


def test_infinite_is_worse_than_any_and_what_is_below_the_resolution_is_equal():
    table = comparison(
        trials({("lstm", 9): [math.inf, 0.1, math.inf], ("gru", 9): [5.0, math.inf, 1.0]}), "lstm", "gru"
    )
    row = table.to_dict("records")[0]
    assert row["effects"] == [math.inf, 0.0, math.inf]
    assert (row["effect"], row["better"], row["first_better"]) == (math.inf, "second", 1)
    tiny = only({("lstm", 9): [0.0, 1e-17, 1e-14], ("gru", 9): [1e-15, 0.0, 1e-20]})
    assert tiny["ties"] == 3


def test_a_trial_that_never_solves_it_is_later_than_any():
    frame = trials({("lstm", 9): [0.1] * 7, ("gru", 9): [0.001] * 7, ("lstm", 99): [0.1] * 7, ("gru", 99): [0.1] * 7})
    table = comparisons(frame).set_index(["quantity", "length"])
    updates = table.loc[("updates", 9)]
    assert updates["effects"] == [math.inf] * 7
    assert (updates["better"], updates["n"]) == ("second", 7)
    assert ("updates", 99) not in table.index, "nobody solves it"
    fitted = frame.assign(seconds_per_epoch=frame["seconds_per_epoch"].where(frame["model"] == "lstm"))
    assert "updates" not in set(comparisons(fitted)["quantity"]), "a fitted model makes no updates"


def test_the_span_is_compared_over_all_lengths():
    frame = trials(
        {("lstm", 5): [0.001] * 6, ("lstm", 50): [0.1] * 6, ("gru", 5): [0.001] * 6, ("gru", 50): [0.001] * 6}
    )
    (row,) = [row for row in comparisons(frame).to_dict("records") if row["quantity"] == "span"]
    assert pd.isna(row["length"])
    assert (row["effects"], row["better"]) == ([-45.0] * 6, "second")
    assert row["p"] == 2 / 64


def test_losses_of_tasks_with_steps_of_their_own_are_compared_at_common_steps():
    frame = trials({("lstm", 9): [0.1] * 6, ("gru", 9): [0.2] * 6}).assign(error_metric="relative_error_8")
    frame["relative_error_8"] = np.where(frame["model"] == "gru", 1e-9, 0.5)
    table = comparisons(frame).set_index("quantity")
    assert table.loc["loss", "n"] == 0, "not recorded"
    assert (table.loc["error", "better"], table.loc["error", "n"]) == ("second", 6)
    assert table.loc["error", "effect"] == pytest.approx(0.5e6), "to six digits"
    common = frame.assign(test_mse_common=np.where(frame["model"] == "gru", 0.01, 0.03))
    assert comparisons(common).set_index("quantity").loc["loss", "effect"] == pytest.approx(3)
