"""Errors by horizon, against numbers worked out by hand.

Planted and found: the mean for the median; conditions in the order of their hashes; a trial without results counted.
"""

from __future__ import annotations

import pytest

from tests.analysis.frames import curve, trials
from unroll.measures.horizons.table import horizons


def test_medians_over_the_seeds_in_the_order_of_the_study():
    frame = trials(
        [
            {"key": "z2", "model": "lstm"},
            {"key": "z1", "model": "lstm"},
            {"key": "z3", "model": "lstm"},
            {"key": "b1"},
            {"key": "c1", "model": "waiting", "state": "waiting"},
        ]
    )
    relative = curve(z2=[0.5, 1.0], z1=[0.25, 4.0], z3=[0.75, 0.0], b1=[0.125, 0.5])
    absolute = curve(z2=[5.0, 10.0], z1=[1.0, 40.0], z3=[90.0, 0.0], b1=[2.0, 3.0])
    found = {"relative_error": relative, "absolute_error": absolute, "one_step_error": relative}
    curves = {(regime, name): curve for regime in ("within", "longer") for name, curve in found.items()}
    table = horizons(frame, curves)
    heads = list(zip(table["model"], table["regime"], table["horizon"], strict=True))
    assert heads == [(m, r, h) for m in ("lstm", "gru") for r in ("within", "longer") for h in (1, 2)]
    first, second = table.iloc[0], table.iloc[1]
    assert (first["n"], first["relative_error"], first["absolute_error"]) == (3, 0.5, 5.0)
    assert (first["relative_error_low"], first["relative_error_high"]) == (0.25, 0.75)
    assert first["each_seed"] == [0.5, 0.25, 0.75]
    assert second["relative_error"] == pytest.approx(1.0)


def test_no_regime_at_all():
    table = horizons(trials([{"key": "a1"}]), {})
    assert table.empty
    assert {"regime", "horizon", "relative_error"} <= set(table.columns)
