"""Parts of a study.

Planted and found: parts counted from 0; dealing in the study's order, so that some parts get no long sequence; planning
only the part's trials, so that the merged store held another study; trials of another version left behind.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unroll
from tests.running.conftest import unroll as command
from tests.running.test_run import tiny
from unroll import registry
from unroll.errors import StoreError, StoreMissingError, UnknownNameError
from unroll.running import Shard, foresee
from unroll.store import Store
from unroll.versions import Version


@given(of=st.integers(1, 70))
def test_the_parts_are_the_study_and_no_trial_is_in_two(of: int):
    trials = unroll.expand(unroll.read_study("adding-notebook"))
    parts = [Shard(number, of).take(trials) for number in range(1, of + 1)]
    assert sorted(trial.key for part in parts for trial in part) == sorted(trial.key for trial in trials)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_long_sequences_are_spread():
    trials = unroll.expand(unroll.read_study("adding-notebook"))
    longest = [Counter(trial.length for trial in Shard(n, 6).take(trials))[500] for n in range(1, 7)]
    assert longest == [2, 2, 2, 1, 1, 1]


@pytest.mark.parametrize("text", ["", "2", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1.5/2", "1/99999999"])
def test_what_is_no_part_is_said(text: str):
    with pytest.raises(UnknownNameError, match="part"):
        Shard.parse(text)


def test_parts_trained_apart_and_merged_are_the_study(tmp_path: Path):
    study = tiny("length=[4, 6]", "model=gru", "seed=[1, 2]")
    assert foresee(study, tmp_path / "none.db", executor="inline", part=Shard(1, 3).take).trials == 2
    whole = unroll.run(study, tmp_path / "whole.db", executor="inline", progress=False)
    for n in (1, 2, 3):
        unroll.run(study, tmp_path / f"{n}.db", executor="inline", progress=False, shard=f"{n}/3")
    assert [
        list(unroll.results(study, tmp_path / f"{n}.db").trials()["state"]).count("complete") for n in (1, 2, 3)
    ] == [
        2,
        1,
        1,
    ]
    gave = unroll.merge([tmp_path / f"{n}.db" for n in (1, 2, 3)], tmp_path / "all.db")
    assert [adopted.complete for adopted in gave.values()] == [2, 1, 1]
    assert [adopted.studies for adopted in gave.values()] == [1, 0, 0]
    merged = unroll.results(study, tmp_path / "all.db")
    digests = [[results.trial(key).digest for key in results.trials()["key"]] for results in (whole, merged)]
    assert digests[0] == digests[1]
    assert None not in digests[0]
    for key in whole.trials()["key"]:
        assert (whole.history(key, "loss") == merged.history(key, "loss")).all()
    again = unroll.merge([tmp_path / "1.db"], tmp_path / "all.db")
    assert [(adopted.complete, adopted.known, adopted.different) for adopted in again.values()] == [(0, 2, ())]


def test_merging_names_what_it_cannot_do(tmp_path: Path):
    study = tiny("length=4", "model=gru")
    unroll.run(study, tmp_path / "a.db", executor="inline", progress=False)
    with pytest.raises(StoreMissingError):
        unroll.merge([tmp_path / "a.db", tmp_path / "not-there.db"], tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()
    with pytest.raises(StoreError, match="into itself"):
        unroll.merge([tmp_path / "a.db"], tmp_path / "a.db")


def test_a_part_that_another_version_trained_is_kept_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    study = tiny("length=[4, 6]", "model=gru")
    for n, version in ((1, "1"), (2, "1.0.1")):
        monkeypatch.setitem(registry.tasks._versions, registry.tasks.load("adding"), Version(version))
        unroll.run(study, tmp_path / f"{n}.db", executor="inline", progress=False, shard=f"{n}/2")
    merge = ["merge", tmp_path / "1.db", tmp_path / "2.db", "--store", tmp_path / "all.db"]
    done = command(*merge)
    assert done.returncode == 1
    assert "task adding 1.0.1 (here 1)" in done.stderr
    shown = unroll.results(study, tmp_path / "all.db").trials()
    assert list(shown["state"]).count("complete") == 1, "those of the version under which it is planned"
    unroll.run(study, tmp_path / "all.db", executor="inline", progress=False, shard="2/2")
    with Store.open(tmp_path / "all.db") as store:
        events = [event["kind"] for event in store.events()]
    assert "started" not in events, "what the other version had trained was found"
    assert command(*merge).returncode == 1
