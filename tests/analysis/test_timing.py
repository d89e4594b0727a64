"""Seconds per epoch and their growth, against numbers worked out by hand and NumPy's polynomial fit.

Planted and found: exponents fitted on seconds instead of their logarithms; n instead of n - 2 degrees of freedom.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.builders import trials
from unroll.analysis import growth, timing


def test_seconds_of_a_condition():
    frame = trials({("gru", 10): [0.1, 0.1, 0.1, "failed"], ("gru", 20): ["waiting"]})
    frame["seconds_per_epoch"] = [3.0, 1.0, 2.5, np.nan, np.nan]
    (row,) = timing(frame).to_dict("records")
    assert (row["n"], row["seconds"], row["seconds_low"], row["seconds_high"]) == (3, 2.5, 1.0, 3.0)
    assert row["each_seed"] == [3.0, 1.0, 2.5]


def test_an_exact_power_is_found():
    frame = trials({("gru", length): [0.1] for length in (10, 40, 160)})
    frame["seconds_per_epoch"] = 0.5 * frame["length"] ** 0.75
    (row,) = growth(timing(frame)).to_dict("records")
    assert (row["exponent"], row["scale"]) == pytest.approx((0.75, 0.5))
    assert row["exponent_error"] == pytest.approx(0, abs=1e-9)
    assert row["lengths"] == [10, 40, 160]


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=6))
def test_the_fit_is_numpys(seconds: list[float]):
    lengths = [10 * 2**i for i in range(len(seconds))]
    frame = trials({("gru", length): [0.1] for length in lengths}).assign(seconds_per_epoch=seconds)
    (row,) = growth(timing(frame)).to_dict("records")
    (slope, intercept), covariance = np.polyfit(np.log(lengths), np.log(seconds), 1, cov=True)
    assert (row["exponent"], row["exponent_error"]) == pytest.approx((slope, np.sqrt(covariance[0, 0])), abs=1e-9)
    assert row["scale"] == pytest.approx(np.exp(intercept))


def test_two_lengths_give_no_exponent():
    table = growth(timing(trials({("gru", 10): [0.1], ("gru", 20): [0.1]})))
    assert table["exponent"].isna().all()


def test_models_that_are_not_trained_take_no_time_and_a_bare_study_has_no_rows():
    fitted = trials({("linear", length): [0.1] for length in (10, 20, 30)}).assign(seconds_per_epoch=0.0)
    assert growth(timing(fitted))["exponent"].isna().all()
    bare = trials({("gru", 10): ["waiting"]}).drop(columns="seconds_per_epoch")
    assert timing(bare).empty
    assert growth(timing(bare)).empty
    assert isinstance(growth(timing(bare)), pd.DataFrame)
