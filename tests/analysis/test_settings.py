"""Settings as the study gives them, in every table, figure and sentence.

Planted and found: None and whole numbers left to pandas (nan, 3.0); a setting that is none told as one that is not
there, or grouped with it; a spelling of its own in the tables of the report, or in Markdown; the line of another
setting through times.
"""

from __future__ import annotations

import math
import re
from types import SimpleNamespace

import pandas as pd
import pytest

from tests.analysis.builders import trials as built
from tests.analysis.frames import curve, trials
from tests.analysis.telling import WORDS
from tests.stored import stored
from unroll.analysis import curves
from unroll.analysis.settings import as_they_are, grouped, table_of
from unroll.analysis.sheets import plain
from unroll.exporters.markdown import to_markdown
from unroll.measures.continuation.table import continuations
from unroll.measures.horizons.table import horizons
from unroll.measures.timing import figure as timing
from unroll.report import report
from unroll.report.tables import on_a_page

RATES = (7, None, 0.00001)


def test_a_column_keeps_what_it_is_given():
    values = [3, None, math.nan, (1, 2), "raw"]
    column = as_they_are(values)
    assert [value is given for value, given in zip(column, values, strict=True)] == [True] * 5
    assert as_they_are([1, 2]).dtype == "int64"
    frame = table_of([{"n": 1, "rate": 3}, {"n": 2, "rate": None}], ["n", "rate"], ["rate"])
    assert frame["rate"].tolist() == [3, None]
    assert [head for head, _ in grouped(frame, ["rate"])] == [{"rate": 3}, {"rate": None}]
    three = table_of([{"rate": rate} for rate in (math.nan, None, 3, math.nan, None)], ["rate"], ["rate"])
    assert [list(group.index) for _, group in grouped(three, ["rate"])] == [[0, 3], [1, 4], [2]]
    assert next(grouped(three.iloc[1:], ["rate"]))[0] == {"rate": None}, "not NaN, which is a setting that is not there"
    assert table_of([], ["n", "rate"], ["rate"]).empty


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("settings") / "results.db"
    return stored(path, rates=RATES, pairs=[("adding", "lstm"), ("adding", "gru")], seeds=(1, 2), lengths=(10, 25))


@pytest.mark.parametrize("name", ["table", "trials", "span", "memory", "timing", "growth", "parameters", "missing"])
def test_each_table_keeps_them(name: str, results):
    frame = getattr(results, name)()
    if "train.learning_rate" in frame and len(frame):
        assert set(frame["train.learning_rate"]) == {7, None, 0.00001}


def mixed() -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Four trials of two conditions, with settings that are none, not there, and lists; a curve of each."""
    frame = trials([{"key": key, "axis": "epoch"} for key in ("a1", "a2", "b1", "b2")])
    factors = {
        "train.clip_norm": [None, None, 1.0, 1.0],
        "model.hidden": [3, 3, math.nan, math.nan],
        "task.starts": [((1.0, 2.0),)] * 4,
    }
    frame = frame.assign(**{name: as_they_are(values) for name, values in factors.items()})
    return frame, curve(a1=[0.1, 0.2], a2=[0.1, 0.3], b1=[0.1, 0.2], b2=[1, 2]), tuple(factors)


def test_curves_and_horizons_keep_what_is_none_and_what_is_not_there():
    frame, values, factors = mixed()
    names = ("relative_error", "absolute_error", "one_step_error", "continuation", "truth")
    points = frame.merge(values, on="key").assign(first=lambda t: t["step"], last=lambda t: t["step"], low=0, high=1)
    for table in (
        horizons(frame, {("within", name): values for name in names[:3]}, factors),
        continuations(frame, dict.fromkeys(names, values), factors),
        curves(points, factors),
    ):
        seen = {tuple(map(repr, row)) for row in table[list(factors)].to_numpy(object)}
        assert seen == {("None", "3", "((1.0, 2.0),)"), ("1.0", "nan", "((1.0, 2.0),)")}


def test_a_line_through_times_is_that_of_its_own_setting():
    """None and a setting that is not there are two settings, which a join of pandas takes for one."""
    frame = pd.concat(
        [
            built({("gru", length): [0.1] for length in (10, 40, 160)}).assign(
                seconds_per_epoch=lambda t, power=power: t["length"] ** power, rate=rate
            )
            for rate, power in ((1.0, 1.0), (2.0, 2.0), (3.0, 3.0))
        ]
    )
    levels = {1.0: None, 2.0: math.nan, 3.0: ((1.0,), 2.0)}
    frame = frame.assign(**{"model.x": as_they_are([levels[rate] for rate in frame["rate"]], frame.index)})
    told = SimpleNamespace(words=WORDS)
    drawn = timing.points(SimpleNamespace(trials=lambda: frame, factors=("model.x",), told=told, models=["gru"]))
    assert drawn["exponent"].tolist() == pytest.approx([1.0] * 3 + [2.0] * 3 + [3.0] * 3)


def test_tables_of_sequences_spell_them_as_all_others_do():
    frame, values, factors = mixed()
    names = ("relative_error", "absolute_error", "one_step_error")
    table = on_a_page(plain("x", "", "", horizons(frame, {("within", name): values for name in names}, factors)))
    ((_, rows),) = table.groups
    headings = [column.heading for column in table.columns]
    cells = [dict(zip(headings, row, strict=True)) for row in rows]
    assert [cells[place]["train.clip_norm"] for place in (0, -1)] == ["none", "1"]
    assert [cells[place]["model.hidden"] for place in (0, -1)] == ["3", "–"]
    assert cells[0]["task.starts"] == "[[1, 2]]"
    assert (cells[0]["n"], cells[0]["sequences"]) == ("2", "–")


def test_they_are_spelled_in_one_way_everywhere(results):
    page, table = report(results), to_markdown(results.table(), results.factors, "by-hand")
    assert not re.search(r"\bnan\b|7\.0\b", page + table)
    assert "learning_rate = none" in page, "in the titles of panels"
    for spelled, raised in (
        ("7", "7"),
        ("none", "none"),
        ("1e-05", "10⁻⁵"),
    ):  # a page has exponents, plain text has not
        assert page.count(f">{raised}</td>") >= 8, "in the cells of tables"
        assert spelled == raised or f">{spelled}<" not in page
        assert re.search(rf"\| {spelled} +\|", table)
    for finding in results.findings():
        assert not re.search(r"\bnan\b|\bNone\b|7\.0\b", finding.sentence + finding.evidence)
