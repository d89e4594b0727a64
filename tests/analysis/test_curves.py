"""Curves: thinned without losing an extreme, and over seeds.

Planted and found: every k-th value kept (a spike is lost); the mean for the median; a last stretch that is dropped; a
shorter curve among the others.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.analysis import curves, thinned


def histories(*each: list[float], axis: str = "update") -> pd.DataFrame:
    parts = []
    for seed, values in enumerate(each, 1):
        part = pd.DataFrame({"step": np.arange(1, len(values) + 1), "value": np.array(values, np.float32)})
        parts.append(
            part.assign(key=f"k{seed}", condition="c", task="adding", model="gru", length=9, seed=seed, axis=axis)
        )
    return pd.concat(parts, ignore_index=True)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=300), st.integers(1, 40))
def test_every_value_is_within_its_point(values: list[float], points: int):
    table = thinned(histories(values), points)
    assert len(table) == min(points, len(values))
    assert table["first"].iloc[0] == 1
    assert table["last"].iloc[-1] == len(values)
    assert (table["first"].iloc[1:].to_numpy() == table["last"].iloc[:-1].to_numpy() + 1).all()
    sizes = table["last"] - table["first"] + 1
    assert sizes.max() - sizes.min() <= 1
    for row in table.itertuples():
        mine = np.array(values, np.float32)[row.first - 1 : row.last].astype(np.float64)
        assert (row.low, row.high, row.value) == (mine.min(), mine.max(), np.median(mine))


def test_a_spike_of_one_update_survives():
    values = [1.0] * 10_000
    values[7_321] = 900.0
    table = thinned(histories(values), 100)
    assert table["high"].max() == 900.0
    assert table["value"].max() == 1.0


def test_short_curves_stay_as_they_are():
    table = thinned(histories([3.0, 1.0, 2.0], axis="epoch"))
    assert table["value"].tolist() == table["low"].tolist() == table["high"].tolist() == [3.0, 1.0, 2.0]
    assert table["axis"].unique().tolist() == ["epoch"]


def test_a_condition_over_its_seeds():
    table = curves(thinned(histories([1.0, 5.0], [2.0, 9.0], [7.0, 6.0], axis="epoch")))
    assert table["n"].tolist() == [3, 3]
    assert table["median"].tolist() == [2.0, 6.0]
    assert table["low"].tolist() == [1.0, 5.0]
    assert table["high"].tolist() == [7.0, 9.0]


def test_a_trial_that_failed_on_its_way_is_thinned_but_not_averaged():
    each = thinned(histories([1.0] * 100, [3.0] * 100, [9.0] * 70), 10)
    assert each["key"].nunique() == 3
    table = curves(each)
    assert table["n"].tolist() == [2] * 10
    assert table["high"].max() == 3.0


def test_no_history_no_rows():
    assert thinned(histories([1.0]).iloc[:0]).empty
    assert curves(thinned(histories([1.0]).iloc[:0])).empty
