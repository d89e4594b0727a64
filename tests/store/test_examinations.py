"""What measures found stands beside a trial: damage in it is found and named, and costs the trial nothing.

Planted and found: an examination sealed without its numbers, or without the trial's key; a list that is not sealed; one
that a merge leaves behind, or takes damaged; one that breaks a rule and fails its trial; an array in float32.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.half_done import change
from unroll.errors import DamagedError
from unroll.store import Examination, NamedArray, State, Store
from unroll.store import examinations as writing
from unroll.testing.stores import FINGERPRINT, finish, planned_study, planned_trial

TRIALS = tuple(planned_trial(seed) for seed in range(3))
STUDY = planned_study("one", TRIALS)
FIRST, SECOND, OLDER = (trial.key for trial in TRIALS)
CURVE = NamedArray({"step": (1, 2, 3)}, np.array([-np.inf, -0.5, 0.1 + 0.2]))
MAP = NamedArray({"epoch": (0, 10), "part": ("h", "c")}, np.arange(4.0).reshape(2, 2))
FOUND = Examination(
    measure="reach",
    version="1",
    settings={"sequences": 64},
    metrics={"far": 2.0, "slope": -np.inf},
    arrays={"curve": CURVE, "map": MAP},
    fingerprint=FINGERPRINT,
    seconds=0.25,
)
BROKEN = Examination(measure="broken", version="1", error={"type": "ValueError", "message": "no state"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Seeds 0 and 1 examined by two measures, one of which failed; seed 2 is complete and older than they are."""
    path = tmp_path / "results.db"
    with Store.open(path, write=True) as store:
        store.plan(STUDY)
        for key in (FIRST, SECOND, OLDER):
            store.claim(key)
            finish(store, key, examinations=() if key == OLDER else (FOUND, BROKEN))
    return path


def test_what_was_found_comes_back_to_the_bit(path: Path):
    with Store.open(path) as store:
        found, broken = store.examinations(FIRST[:8]).records
        assert (found.measure, found.version, found.snapshot, found.seconds) == ("reach", "1", "final", 0.25)
        assert (found.settings, found.fingerprint, found.error) == ({"sequences": 64}, FINGERPRINT, None)
        assert found.metrics == {"far": 2.0, "slope": -np.inf}
        assert {name: dict(array.axes) for name, array in found.arrays.items()} == {
            "curve": CURVE.axes,
            "map": MAP.axes,
        }
        np.testing.assert_array_equal(found.arrays["curve"].values, CURVE.values, strict=True)
        np.testing.assert_array_equal(found.arrays["map"].values, MAP.values, strict=True)
        assert (broken.metrics, broken.arrays, broken.digest) == ({}, {}, None)
        assert broken.error == {"type": "ValueError", "message": "no state"}
        assert store.examinations(OLDER).records == ()
        assert store.examined_measures(None) == ("broken", "reach")
        assert store.examined_measures([OLDER]) == ()
        assert (store.verify().verified, store.verify().faults) == (3, ())


def test_a_trial_is_the_same_with_and_without(path: Path):
    """Its row, with its seal and its digest, its numbers and their seals: all but the moments."""
    with closing(sqlite3.connect(path)) as db:
        seals = dict(db.execute("SELECT trial, group_concat(part || seal) FROM seals GROUP BY trial").fetchall())
        digests = dict(db.execute("SELECT seed, digest FROM trials").fetchall())
        assert db.execute("SELECT count(DISTINCT value) FROM metrics WHERE name = 'far'").fetchone() == (0,)
    assert digests[0] == digests[2]
    assert len({text.count("history") for text in seals.values()}) == 1
    with Store.open(path, write=True) as store:
        before = store.trial(FIRST), *store._db.execute("SELECT seal FROM trials WHERE seed = 0").fetchone()
        writing.keep_only(store._db, 1, [])
        after = store.trial(FIRST), *store._db.execute("SELECT seal FROM trials WHERE seed = 0").fetchone()
        assert before == after
        assert store.verify().faults == ()


def test_a_frame_holds_a_row_per_number_and_says_what_is_missing(path: Path):
    with Store.open(path) as store:
        frame = store.examination_frame([OLDER, FIRST], "reach")
        assert list(frame.columns) == [
            *("key", "condition", "task", "model", "length", "seed", "snapshot", "quantity"),
            *("step", "epoch", "part", "value", "note"),
        ]
        assert frame["key"].tolist() == [OLDER] + [FIRST] * 9
        assert frame["note"].tolist() == ["not recorded"] + [""] * 9
        curve = frame[frame["quantity"] == "curve"]
        assert curve["step"].tolist() == [1, 2, 3]
        assert curve["value"].tolist() == CURVE.values.tolist()
        there = frame[frame["quantity"] == "map"]
        assert list(zip(there["epoch"], there["part"], there["value"], strict=True)) == [
            *((0, "h", 0.0), (0, "c", 1.0), (10, "h", 2.0), (10, "c", 3.0))
        ]
        assert store.examination_frame([FIRST], "broken")["note"].tolist() == ["failed: no state"]
        nobody = store.examination_frame([FIRST], "nobody's")
        assert nobody["note"].tolist() == ["not recorded"]
        assert nobody["value"].isna().all()


REFUSED = {
    "no number": Examination(measure="m", version="1"),
    "NaN": Examination(measure="m", version="1", metrics={"x": float("nan")}),
    "a text": Examination(measure="m", version="1", metrics={"x": "much"}),  # type: ignore[dict-item]
    "a shape": Examination(measure="m", version="1", arrays={"x": NamedArray({"step": (1, 2)}, np.zeros(3))}),
    "no axis": Examination(measure="m", version="1", arrays={"x": NamedArray({}, np.zeros(()))}),
    "a coordinate": Examination(measure="m", version="1", arrays={"x": NamedArray({"s": (np.nan,)}, np.zeros(1))}),
    "a name": Examination(measure="m", version="1", metrics={"x" * 1_000: 1.0}),
    "settings": Examination(measure="m", version="1", metrics={"x": 1.0}, settings={"x": object()}),
    "many": Examination(measure="m", version="1", metrics={str(i): 1.0 for i in range(writing.MOST_METRICS + 1)}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_one_that_breaks_a_rule_costs_the_trial_nothing(path: Path, what: str):
    later = planned_trial(7)
    with Store.open(path, write=True) as store:
        store.plan(planned_study("two", (later,)))
        store.claim(later.key)
        finish(store, later.key, examinations=(REFUSED[what], FOUND))
        assert store.trial(later.key).state is State.complete
        refused, found = store.examinations(later.key).records
        assert refused.error
        assert refused.error["message"]
        assert found.metrics == FOUND.metrics
        assert store.verify().faults == ()


def test_what_is_too_large_is_not_kept(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "MOST_VALUES", 6)
    later = planned_trial(7)
    with Store.open(path, write=True) as store:
        store.plan(planned_study("two", (later,)))
        store.claim(later.key)
        finish(store, later.key, examinations=(FOUND,))
        (refused,) = store.examinations(later.key).records
        assert "arrays with 7; an examination holds up to" in refused.error["message"]


OF_THE_FIRST = "trial = (SELECT id FROM trials WHERE seed = 0)"
DAMAGE = {
    "a number": f"UPDATE examined_metrics SET value = 3 WHERE name = 'far' AND {OF_THE_FIRST}",
    "a number that is text": f"UPDATE examined_metrics SET value = 'far' WHERE name = 'far' AND {OF_THE_FIRST}",
    "a number's name": f"UPDATE examined_metrics SET name = 'near' WHERE name = 'far' AND {OF_THE_FIRST}",
    "a number less": f"DELETE FROM examined_metrics WHERE name = 'far' AND {OF_THE_FIRST}",
    "an array": f"UPDATE examined_arrays SET data = zeroblob(24) WHERE name = 'curve' AND {OF_THE_FIRST}",
    "an array cut": f"UPDATE examined_arrays SET data = x'00' WHERE name = 'curve' AND {OF_THE_FIRST}",
    "an array of text": f"UPDATE examined_arrays SET data = 'curve' WHERE name = 'curve' AND {OF_THE_FIRST}",
    "an array that is a number": f"UPDATE examined_arrays SET data = 1e12 WHERE name = 'curve' AND {OF_THE_FIRST}",
    "an array less": f"DELETE FROM examined_arrays WHERE name = 'map' AND {OF_THE_FIRST}",
    "axes": f"UPDATE examined_arrays SET axes = '{{}}' WHERE name = 'curve' AND {OF_THE_FIRST}",
    "axes that are no JSON": f"UPDATE examined_arrays SET axes = '{{' WHERE name = 'curve' AND {OF_THE_FIRST}",
    "a shape": f"UPDATE examined_arrays SET shape = '[1000000]' WHERE name = 'curve' AND {OF_THE_FIRST}",
    "its place": f"UPDATE examinations SET number = 7 WHERE number = 0 AND {OF_THE_FIRST}",
    "its place is a text": f"UPDATE examinations SET number = 'one' WHERE number = 1 AND {OF_THE_FIRST}",
    "its place is bytes": f"UPDATE examinations SET number = x'31' WHERE number = 0 AND {OF_THE_FIRST}",
    "the measure": f"UPDATE examinations SET measure = 'other' WHERE number = 0 AND {OF_THE_FIRST}",
    "the version": f"UPDATE examinations SET version = '2' WHERE number = 0 AND {OF_THE_FIRST}",
    "settings": f"UPDATE examinations SET settings = '[' WHERE number = 0 AND {OF_THE_FIRST}",
    "the snapshot": f"UPDATE examinations SET snapshot = '3' WHERE number = 0 AND {OF_THE_FIRST}",
    "the time": f"UPDATE examinations SET seconds = 9 WHERE number = 0 AND {OF_THE_FIRST}",
    "the reason": f"UPDATE examinations SET error = NULL WHERE number = 1 AND {OF_THE_FIRST}",
    "the seal": f"UPDATE examinations SET seal = '' WHERE number = 0 AND {OF_THE_FIRST}",
    "the trial": "UPDATE examinations SET trial = 3 WHERE number = 0 AND trial = 1",
    "one that failed is gone": f"DELETE FROM examinations WHERE number = 1 AND {OF_THE_FIRST}",
    "one is gone": f"DELETE FROM examinations WHERE number = 0 AND {OF_THE_FIRST}",
    "all are gone": f"DELETE FROM examinations WHERE {OF_THE_FIRST}",
    "the list": f"UPDATE examined_trials SET seal = '' WHERE {OF_THE_FIRST}",
    "the list is gone": f"DELETE FROM examined_trials WHERE {OF_THE_FIRST}",
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_named_and_loses_no_trial(path: Path, tmp_path: Path, what: str):
    with Store.open(path) as store:
        clean = store.trial(FIRST), store.histories(FIRST).keys(), store.parameters(FIRST)
    change(path, DAMAGE[what])
    with Store.open(path) as store:
        assert (store.trial(FIRST), store.histories(FIRST).keys(), store.parameters(FIRST)) == clean
        found = store.verify()
        assert found.verified == 3
        assert {fault.what for fault in found.faults} == {"examination"}
        assert any(FIRST[:12] in fault.name for fault in found.faults)
        examined = store.examinations(FIRST)
        assert examined.faults
        for record in examined.records:
            if not record.damage and record.measure == "reach":
                assert record.metrics == FOUND.metrics
        told: dict[str, str] = {}
        frames = [store.examination_frame(None, measure, told) for measure in ("reach", "broken")]
        assert FIRST in told
        for frame in frames:
            assert "not recorded" not in frame.loc[frame["key"] == FIRST, "note"].tolist()
        with pytest.raises(DamagedError, match="examination"):
            pd.concat(store.examination_frame(None, measure) for measure in ("reach", "broken"))
    with Store.open(path) as other, Store.open(tmp_path / "ours.db", write=True) as ours:
        gave = ours.adopt(other)
        assert (gave.complete, gave.damaged) == (3, ())
        assert ours.verify().faults == ()
        assert all(record.damage is None for record in ours.examinations(FIRST).records)
    with Store.open(path, write=True) as store:
        assert store.forget_damaged() == 0
        assert store.trial(FIRST) == clean[0]
        assert (store.verify().verified, store.verify().faults) == (3, ())
        assert store.events(trial=FIRST)[-1]["message"].startswith("a damaged examination: ")
        assert store.forget_damaged() == 0


def test_what_was_found_in_one_network_is_never_told_of_another(path: Path):
    for table in writing.TABLES:
        change(path, f"UPDATE {table} SET trial = CASE trial WHEN 1 THEN -2 ELSE -1 END WHERE trial < 3")
        change(path, f"UPDATE {table} SET trial = -trial WHERE trial < 0")
    with Store.open(path) as store:
        assert store.verify().verified == 3
        for key in (FIRST, SECOND):
            examined = store.examinations(key)
            assert examined.damage
            assert all(record.damage and not record.metrics for record in examined.records)


def test_those_of_a_trial_that_is_begun_again_or_forgotten_go_with_it(path: Path):
    change(path, "UPDATE metrics SET value = 9 WHERE name = 'test_mse' AND trial = 1")
    with Store.open(path, write=True) as store:
        with pytest.raises(DamagedError):
            store.examinations(FIRST)
        assert FIRST not in store.examination_frame(None, "reach")["key"].tolist()
        assert store.forget_damaged() == 1
        assert store.examinations(FIRST).records == ()
        store.claim(FIRST)
        finish(store, FIRST, examinations=(FOUND,))
        assert len(store.examinations(FIRST).records) == 1
        store.forget(STUDY.digest)
        for table in writing.TABLES:
            assert store._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0


def test_a_merge_takes_them_with_their_trial_and_to_a_trial_that_lacks_them(path: Path, tmp_path: Path):
    ours = tmp_path / "ours.db"
    with Store.open(ours, write=True) as store:
        store.plan(STUDY)
        store.claim(FIRST)
        finish(store, FIRST, examinations=(BROKEN,))
        with Store.open(path) as theirs:
            gave = store.adopt(theirs)
            assert (gave.complete, gave.known, gave.examinations) == (2, 1, 1)
            assert [record.measure for record in store.examinations(FIRST).records] == ["broken", "reach"]
            assert [record.measure for record in store.examinations(SECOND).records] == ["reach", "broken"]
            expected, found = theirs.examinations(SECOND).records[0], store.examinations(SECOND).records[0]
            assert (found.digest, found.at, found.metrics) == (expected.digest, expected.at, expected.metrics)
            again = store.adopt(theirs)
            assert (again.examinations, again.whole) == (0, True)
        assert store.verify().faults == ()


def test_a_merge_says_where_a_measure_found_something_else_there(path: Path, tmp_path: Path):
    ours = tmp_path / "ours.db"
    other = replace(FOUND, metrics={**FOUND.metrics, "far": 3.0})
    with Store.open(ours, write=True) as store:
        store.plan(STUDY)
        for key, found in ((FIRST, other), (SECOND, FOUND)):
            store.claim(key)
            finish(store, key, examinations=(found, BROKEN))
        with Store.open(path) as theirs:
            gave = store.adopt(theirs)
        assert (gave.found_otherwise, gave.examinations, gave.whole) == ((("reach", FIRST),), 0, True)
        assert store.examinations(FIRST).records[0].metrics["far"] == 3.0, "ours stays"


def test_a_copy_holds_them(path: Path, tmp_path: Path):
    with Store.open(path) as store:
        store.copy(tmp_path / "copy.db")
    with Store.open(tmp_path / "copy.db") as store:
        assert store.examinations(FIRST).records[0].metrics == FOUND.metrics


@settings(max_examples=30, deadline=None)
@given(
    metrics=st.dictionaries(st.text(min_size=1, max_size=20), st.floats(allow_nan=False), max_size=4),
    values=st.lists(st.floats(), min_size=1, max_size=8),
    coordinate=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(min_size=1)),
)
def test_any_number_comes_back_as_it_was(metrics, values, coordinate, tmp_path_factory):
    array = NamedArray({"x": [coordinate] * len(values)}, np.array(values))
    path = tmp_path_factory.mktemp("any") / "results.db"
    with Store.open(path, write=True) as store:
        store.plan(STUDY)
        store.claim(FIRST)
        one = Examination(measure="m", version="1", metrics=metrics, arrays={"a": array})
        finish(store, FIRST, examinations=(one,))
        (found,) = store.examinations(FIRST).records
        assert not found.damage
        if found.error is None:
            assert found.metrics == metrics
            np.testing.assert_array_equal(found.arrays["a"].values, array.values, strict=True)
            assert json.loads(json.dumps(found.arrays["a"].axes["x"])) == list(array.axes["x"])
        assert store.verify().faults == ()
