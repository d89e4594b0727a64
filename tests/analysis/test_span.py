"""The longest length that most seeds solve.

Planted and found: half of the seeds taken for most; a share of the complete seeds instead of the planned ones; the
first length that is not solved taken for the end.
"""

from __future__ import annotations

import pandas as pd

from tests.analysis.builders import trials
from unroll.analysis import conditions, span

GOOD, BAD = 0.001, 0.1


def of(outcomes) -> dict:
    (row,) = span(conditions(trials(outcomes))).to_dict("records")
    return row


def test_the_longest_that_most_seeds_solve():
    row = of({("gru", 100): [BAD] * 3, ("gru", 50): [GOOD, GOOD, BAD], ("gru", 25): [GOOD, BAD, BAD]})
    assert (row["span"], row["solved"], row["seeds"]) == (50, 2, 3)
    assert row["lengths"] == [25, 50, 100]
    assert row["unsolved"] == [25, 100]
    assert row["finished"]


def test_half_is_not_most_and_failed_or_missing_trials_never_count_for_it():
    assert pd.isna(of({("gru", 10): [GOOD, BAD]})["span"])
    row = of({("gru", 10): [GOOD, GOOD, "failed", "waiting"]})
    assert pd.isna(row["span"])
    assert not row["finished"]
    assert of({("gru", 10): [GOOD, GOOD, "waiting"]})["span"] == 10


def test_settings_tell_models_apart():
    parts = [trials({("gru", 10): [loss]}, **{"model.hidden": h}) for h, loss in ((2, BAD), (4, GOOD))]
    table = span(conditions(pd.concat(parts), ["model.hidden"]), ["model.hidden"])
    assert table["span"].isna().tolist() == [True, False]
