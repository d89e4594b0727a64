"""Measures as plug-ins: what they say of themselves, how they are registered, and how results find them.

Planted and found: a measure that is found by its name and by nothing else; a broken one that ends the reading of all.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import unroll
from tests.stored import stored
from unroll import registry
from unroll.errors import PlugInError, UnknownNameError
from unroll.measures import Measure, known


class Halves(Measure):
    """Half of each score."""

    name = "halves"
    summary = "half of each score"
    version = "1"

    def table(self, source) -> pd.DataFrame:
        trials = source.trials()
        return trials[["task", "model", "length", "seed"]].assign(half=trials["score"] / 2)


class Broken(Halves):
    """A measure that cannot be made."""

    name = "broken"

    def __init__(self) -> None:
        raise RuntimeError("broken")


def test_every_measure_says_what_it_is():
    assert set(known()) == set(registry.measures.names())
    for name, measure in known().items():
        assert (measure.name, bool(measure.summary), bool(measure.version)) == (name, True, True)
        assert measure.told()["title"]
        assert registry.measures.version(name) == measure.version
    places = [measure.place for measure in known().values()]
    assert places == sorted(places)


def test_a_registered_measure_is_a_method_of_the_results(tmp_path: Path):
    results = stored(tmp_path / "results.db")
    assert not hasattr(results, "halves")
    assert unroll.register(Halves) is Halves
    unroll.register(Broken)
    assert "halves" in dir(results)
    assert results.halves().equals(results.measure("halves"))
    assert (results.frozen().halves()["half"] == results.trials()["score"] / 2).all()
    assert "broken" not in known()
    with pytest.raises(UnknownNameError, match="halves"):
        results.measure("halve")
    assert "generation" in dir(results)
    assert results.generation().empty


def test_only_measures_are_registered_as_measures():
    with pytest.raises(PlugInError, match="neither a task nor a model nor a measure"):
        unroll.register(SimpleNamespace)
    with pytest.raises(PlugInError, match=r"unroll.measures.base.Measure"):
        registry.measures.register("new", registry.models.load("gru"))
