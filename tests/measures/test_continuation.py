"""Continuations, against frames made by hand.

Planted and found: an inner join with the truth (trials without a rule vanish); the error without its absolute value.
"""

from __future__ import annotations

import numpy as np

from tests.analysis.frames import curve, trials
from unroll.measures.continuation.table import continuations


def test_values_beside_the_truth():
    frame = trials([{"key": "a1", "task.split": "none", "output_ceiling": 20.0}, {"key": "a2", "task.split": "none"}])
    curves = {
        "continuation": curve(a1=[10.5, 13.0], a2=[11.0, 12.0]),
        "truth": curve(a1=[11.0, 13.0], a2=[11.0, 13.0]),
        "relative_error": curve(a1=[0.25, 0.0], a2=[0.0, 0.125]),
    }
    table = continuations(frame, curves, ["task.split"])
    assert list(table.columns) == [
        *("task", "model", "length", "task.split", "seed", "key"),
        *("step", "value", "truth", "absolute_error", "relative_error", "output_ceiling"),
    ]
    assert list(table["seed"]) == [1, 1, 2, 2]
    assert list(table["step"]) == [1, 2, 1, 2]
    assert list(table["absolute_error"]) == [0.5, 0.0, 0.0, 1.0]
    assert list(table["relative_error"]) == [0.25, 0.0, 0.0, 0.125]
    assert list(table["output_ceiling"][:2]) == [20.0, 20.0]
    assert table["output_ceiling"][2:].isna().all()
    assert set(table["task.split"]) == {"none"}


def test_a_rule_that_nobody_knows_leaves_nan():
    table = continuations(
        trials([{"key": "a1"}]), {"continuation": curve(a1=[1.0]), "truth": curve(), "relative_error": curve()}
    )
    assert list(table["value"]) == [1.0]
    assert np.isnan(table["truth"].iloc[0])
    assert np.isnan(table["relative_error"].iloc[0])


def test_nothing_was_generated():
    none = {"continuation": curve(), "truth": curve(), "relative_error": curve()}
    assert continuations(trials([{"key": "a1"}]), none).empty
