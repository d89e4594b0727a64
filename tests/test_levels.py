"""Levels that differ in nothing but their type are levels of their own: no number of one stands under another.

Planted and found: levels that differ in nothing but their type counted as one, so that their factor does not vary; a
measure's rows put beside the condition that is spelled as theirs is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.filled import filled
from unroll import registry
from unroll.analysis.settings import known
from unroll.exporters.nested import nested
from unroll.measures.horizons.table import ahead
from unroll.models.gru import GRU
from unroll.study import Study

LEVELS: tuple[Any, ...] = (1, True, "1", "True", 0.5, None, 2**60)


class Levelled(GRU):
    """A model with a setting of any type."""

    name = "levelled"
    level: bool | int | float | str | None = 0


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry.models, "_registered", {**registry.models._registered})
    registry.models.register(Levelled.name, Levelled)


def study(*levels: Any, **changes: Any) -> Study:
    factors = {"task": ["odd_numbers"], "model": ["levelled"], "length": [4], "seed": [0, 1, 2], "model.level": levels}
    return Study(name="levels", factors=factors, generate={"steps": 8}, **changes)


@pytest.mark.parametrize("levels", [LEVELS, LEVELS[:2], LEVELS[1:3], (0, False)], ids=str)
def test_each_level_has_its_own_numbers(levels: tuple[Any, ...], tmp_path: Path):
    path = tmp_path / "results.db"
    results = filled(path, study(*levels))
    assert results.factors == ("model.level",)
    rows = nested(results.frozen())
    assert known(row["model.level"] for row in rows) == known(levels)
    table = results.table()
    assert known(table["model.level"]) == known(levels)
    assert len(results.effects()) == len(levels) - 1
    for place, level in enumerate(levels):
        alone = nested(filled(path, study(level)).frozen())
        mine = {name: value for name, value in rows[place].items() if name != "model.level"}
        assert alone == [mine]
        assert mine["horizons"]
    said = "; ".join(finding.sentence for finding in results.findings())
    assert "T = 4 and T = 4" not in said
    assert "at T = 4 and 4" not in said


def test_a_setting_that_is_none_and_one_that_is_not_there_are_two():
    rows = [(None, 1), (None, 8), (float("nan"), 1), (True, 2), (1, 1)]
    table = pd.DataFrame([("a", "b", 5, *row) for row in rows], columns=["task", "model", "length", "x", "horizon"])
    assert ahead(table.astype({"x": object}), ["x"]).index.tolist() == [0, 1, 3]
