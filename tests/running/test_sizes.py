"""What a trial needs, against what it takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from tests.running.test_run import tiny
from unroll import Study, expand
from unroll.models.resolve import resolve
from unroll.running import execute
from unroll.running.judging import judge
from unroll.running.sizes import batch_bytes, data_bytes, disk_bytes, memory_bytes, usable_cores
from unroll.store import Store
from unroll.streams import KeyedStreams
from unroll.training import count_parameters
from unroll.training.examples import Examples


@pytest.mark.parametrize("length", [10, 50])
def test_the_bytes_of_the_data_are_those_of_the_data(length: int):
    trial = next(t for t in expand(tiny()) if t.length == length)
    data = resolve(trial).task.dataset(KeyedStreams(1), length)
    splits = (data.train, data.validation, data.test)
    assert data_bytes(trial) == sum(split.x.nbytes + split.y.nbytes for split in splits)


@pytest.mark.parametrize("loss", ["all", "answers"])
def test_a_batch_of_symbols_takes_more_than_their_ids(loss: str):
    """The ones among zeros, and an output for each class and step: of long sequences most of what there is."""
    factors = {"task": ["copy"], "model": ["gru"], "length": [100_000], "seed": [1]}
    study = Study(
        name="long", factors=factors, task={"symbols": 200, "loss": loss, "train": 16, "test": 1}, train={"batch": 16}
    )
    (trial,) = expand(study)
    task = resolve(trial).task
    x = torch.zeros(16, task.total_steps(100), dtype=torch.uint8)
    ones = Examples(x, x, None, None, task.inputs).inputs()
    outputs = torch.zeros(16, task.total_steps(100), task.outputs)
    expected = 3 * ones.nbytes + {"all": 4, "answers": 2}[loss] * outputs.nbytes
    assert batch_bytes(trial.replace(length=100)) == expected
    assert memory_bytes(trial, 100) > batch_bytes(trial) > 4e9
    problems = [problem for _, problem in judge(trial.replace(length=1_000_000))]
    assert [problem.setting for problem in problems] == ["train.batch"]


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
