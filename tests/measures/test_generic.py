"""A measure that brings neither table nor figure: a number, a curve and a map, in results, page, terminal and exports.

Planted and found: the mean in place of the median; thin lines of more seeds than can be told apart; a trial without a
number counted as one.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unroll
from tests.report.page import Page
from tests.stored import stored
from unroll import registry
from unroll.analysis.measured import over_seeds, shape
from unroll.analysis.statistics import median_interval
from unroll.errors import UnrollError
from unroll.exporters.json import dumps
from unroll.exporters.nested import nested
from unroll.measures import Measure
from unroll.measures.asking import layouts
from unroll.plots.files import to_bytes
from unroll.quantity import Quantity
from unroll.reading import Results
from unroll.report import report

REACH = Quantity("reach", "reach", unit="steps", scale="log")
CURVE = Quantity("fading", "fading", axes=("step",))
MAP = Quantity("overlap", "overlap", axes=("lag", "unit"))


class Reach(Measure):
    """How far something reaches."""

    name = "reach"
    title = "Reach"
    summary = "how far something reaches"
    version = "1"
    when = "end"

    def quantities(self, task, length):
        return REACH, CURVE, MAP


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.measures, "_registered", {})
    monkeypatch.setattr(registry.measures, "_versions", {})
    unroll.register(Reach)


def found(trials: pd.DataFrame, quantity: str, axes: dict[str, list], value) -> pd.DataFrame:
    """Return numbers of each complete trial, as a store gives them; of seed 2 of the GRU there is none."""
    places = pd.MultiIndex.from_product(axes.values(), names=list(axes)).to_frame(index=False) if axes else None
    rows = []
    for trial in trials[trials["state"] == "complete"].to_dict("records"):
        about = {name: trial[name] for name in ("key", "condition", "task", "model", "length", "seed")}
        if (trial["model"], trial["seed"]) == ("gru", 2):
            rows.append({**about, "value": math.nan, "note": "not recorded"})
            continue
        for place in [{}] if places is None else places.to_dict("records"):
            rows.append(
                {**about, "quantity": quantity, **place, "value": value(trial["seed"], *place.values()), "note": ""}
            )
    return pd.DataFrame(rows).assign(snapshot="end")


def examined(monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame) -> None:
    """Let a store hold these numbers of the measure, and of others what it does."""
    others = Results.examination
    monkeypatch.setattr(
        Results, "examination", lambda self, measure: frame if measure == "reach" else others(self, measure)
    )


SHAPES = {
    "number": ("reach", {}, lambda seed: 10.0 * seed),
    "curve": ("fading", {"step": [1, 2, 3, 4]}, lambda seed, step: seed / step),
    "map": ("overlap", {"lag": [1, 2], "unit": [0, 1, 2]}, lambda seed, lag, unit: seed * lag - unit),
}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    pairs = [("adding", "lstm"), ("adding", "gru")]
    return stored(tmp_path / "results.db", pairs=pairs, lengths=[10], seeds=range(1, 8))


@pytest.mark.parametrize("name", SHAPES)
def test_it_shows_everywhere(name: str, results: Results, monkeypatch: pytest.MonkeyPatch):
    quantity, axes, value = SHAPES[name]
    frame = found(results.trials(), quantity, axes, value)
    examined(monkeypatch, frame)
    table = results.reach()
    first = dict(zip(axes, (along[0] for along in axes.values()), strict=True))
    lstm, gru = (
        table[
            (table["model"] == model)
            & np.all([table[axis] == place for axis, place in first.items()] or [True], axis=0)
        ]
        for model in ("lstm", "gru")
    )
    values = [value(seed, *first.values()) for seed in range(1, 8)]
    row = lstm.iloc[0]
    assert (row["n"], row["median"], row["low"], row["high"]) == (7, np.median(values), min(values), max(values))
    assert row["each_seed"] == values
    assert (row["interval_low"], row["interval_high"]) == median_interval(values)
    assert gru.iloc[0]["n"] == 6, "a trial without a number is none"
    said = {"number": "reach, steps", "curve": "fading", "map": "overlap"}[name]
    assert row["words"] == said
    assert shape(frame, quantity) == tuple(axes)

    assert to_bytes(results.plot.reach(), "svg") == to_bytes(results.plot.draw("reach"), "svg")
    assert said in results.plot.describe("reach").lower()
    page = report(results)
    assert 'id="figure-reach"' in page
    assert "Reach" in Page(page).words
    assert "No number for one trial: not recorded (trained before this measure was there)." in Page(page).words
    assert [table.title for measure, table in layouts(results, "terminal") if measure.name == "reach"] == ["Reach"]
    rows = json.loads(dumps(nested(results)))
    assert [len(one["reach"]) for one in rows] == [max(1, math.prod(map(len, axes.values())))] * 2


def test_many_seeds_are_a_median_and_a_band(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pairs = [("adding", "lstm")]
    for seeds, lines in ((7, 8), (35, 1)):
        results = stored(tmp_path / f"{seeds}.db", pairs=pairs, lengths=[10], seeds=range(1, seeds + 1))
        frame = found(results.trials(), *SHAPES["curve"])
        examined(monkeypatch, frame)
        (axes,) = results.plot.reach().axes
        assert len(axes.lines) == lines
        assert len(axes.collections) == 1
        median = next(line for line in axes.lines if line.get_linewidth() > 1)
        assert median.get_ydata().tolist() == [(seeds + 1) / 2 / step for step in (1, 2, 3, 4)]


def test_a_study_that_is_older_than_it_says_so_in_its_place(results: Results):
    assert results.reach().empty
    assert 'id="figure-reach"' not in report(results)
    for where in ("page", "terminal"):
        (told,) = [layout for one, layout in layouts(results, where) if one.name == "reach"]
        assert (told.title, told.columns, told.rows) == ("Reach", (), [])
        assert told.caption == "No number for 14 trials: not recorded (trained before this measure was there)."
    assert told.caption in Page(report(results)).words
    with pytest.raises(UnrollError, match="of by-hand: No number for 14 trials: not recorded"):
        results.plot.reach()


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.inf), min_size=1, max_size=12))
def test_over_seeds_is_the_median_and_the_range_of_any_values(values: list[float]):
    frame = pd.DataFrame({"key": range(len(values)), "condition": "a", "task": "t", "model": "m", "length": 1,
                          "seed": range(len(values)), "snapshot": "end", "quantity": "q",
                          "value": values, "note": ""})  # fmt: skip
    (row,) = over_seeds(frame).to_dict("records")
    assert (row["n"], row["median"]) == (len(values), np.median(values))
    assert (row["low"], row["high"], row["each_seed"]) == (min(values), max(values), values)
    assert (row["interval_low"] is None) == (len(values) < 6)
