"""CSV: every bit survives, and a spreadsheet finds no formula.

Planted and found: numbers with 15 digits; a negative number defused; a header left as a formula; a carriage
return outside quotes, which splits a row.
"""

from __future__ import annotations

import csv
import io

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from unroll.exporters import to_csv
from unroll.inert import inert


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_floats_survive_the_round_trip(values: list[float]):
    text = to_csv(pd.DataFrame({"value": values}))
    assert [float(row["value"]) for row in csv.DictReader(text.splitlines())] == values


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=8))
def test_no_text_is_a_formula_and_none_is_lost(texts: list[str]):
    frame = pd.DataFrame({"name": texts, "length": range(len(texts))})
    rows = list(csv.reader(io.StringIO(to_csv(frame), newline="")))[1:]
    assert len(rows) == len(texts)
    for (cell, _), text in zip(rows, texts, strict=True):
        same = inert(text.replace("\r\n", "\n").replace("\r", "\n"))
        assert cell in (same, f"'{same}")
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_header_is_no_formula_either_and_numbers_stay_numbers():
    text = to_csv(pd.DataFrame({"=1+1": [-1.5], "mixed": pd.Series([-2.0], dtype="object")}))
    assert text.splitlines() == ["'=1+1,mixed", "-1.5,-2.0"]
