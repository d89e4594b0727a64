"""What a trial needs, against what it takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.running.test_run import tiny
from unroll import expand
from unroll.models.resolve import resolve
from unroll.running import execute
from unroll.running.sizes import data_bytes, disk_bytes, memory_bytes, usable_cores
from unroll.store import Store
from unroll.streams import KeyedStreams
from unroll.training import count_parameters


@pytest.mark.parametrize("length", [10, 50])
def test_the_bytes_of_the_data_are_those_of_the_data(length: int):
    trial = next(t for t in expand(tiny()) if t.length == length)
    data = resolve(trial).task.dataset(KeyedStreams(1), length)
    splits = (data.train, data.validation, data.test)
    assert data_bytes(trial) == sum(split.x.nbytes + split.y.nbytes for split in splits)


def test_disk_is_what_the_store_grows_by(tmp_path: Path):
    path = tmp_path / "results.db"
    study = tiny("length=10", "model=lstm", "model.hidden=64", "train.epochs=200", "seed=[1,2,3,4]")
    execute(study, path, executor="inline")
    with Store.open(path) as store:
        kept = sum(len(store.parameters(t.key)) + 4 * 2 * len(store.history(t.key, "loss")) for t in store.trials())
    trials = expand(study)
    expected = sum(disk_bytes(trial, count_parameters(trial)) for trial in trials)
    assert kept <= expected <= 1.2 * kept


def test_memory_grows_with_data_and_network():
    small, large = expand(tiny("length=10"))[0], expand(tiny("length=50"))[0]
    assert memory_bytes(small, 100) < memory_bytes(large, 100) < memory_bytes(large, 10**9)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not bind processes to cores")
def test_only_the_cores_that_may_be_used_count():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
