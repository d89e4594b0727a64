"""What a trial needs, against what it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.running.test_run import tiny
from unroll import Study, expand
from unroll.executors.cores import usable_cores
from unroll.models.resolve import resolve
from unroll.running import execute
from unroll.running.judging import judge
from unroll.running.observer import Observer
from unroll.running.sizes import batch_bytes, data_bytes, disk_bytes, memory_bytes, shortage, step_bytes
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
def test_a_batch_of_symbols_takes_more_than_their_ids(loss: str, monkeypatch: pytest.MonkeyPatch):
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
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=32 * 2**30))
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


PEAKS = """
import os, sys
from pathlib import Path
import torch
from unroll import Study, expand
from unroll.models.resolve import resolve
from unroll.running.sizes import step_bytes
from unroll.training import Training

torch.set_num_threads(1)


def held(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if name in line).split()[1])


for model, task, layers in [("lstm", "adding", 1), ("gru", "delay", 2), ("tanh_rnn", "adding", 2)]:
    factors = {"task": [task], "model": [model], "length": [600], "seed": [1]}
    (trial,) = expand(Study(name="long", factors=factors, task={"train": 32, "validation": 1, "test": 1},
                            model={"layers": layers}, train={"batch": 32, "backend": sys.argv[1]}))
    if not os.fork():  # what one has freed would hide what the next one needs
        training = Training(trial)
        x = torch.zeros(32, resolve(trial).task.total_steps(600), resolve(trial).task.inputs)
        training.network(x[:, :2]).sum().backward()
        Path("/proc/self/clear_refs").write_text("5")
        before = held("VmRSS")
        training.network(x).sum().backward()
        print(model, held("VmHWM") - before, step_bytes(trial), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not tell a process's peak")
@pytest.mark.parametrize("backend", ["native", "torch"])
def test_what_a_network_keeps_of_its_steps_is_near_what_is_measured(backend: str):
    done = subprocess.run([sys.executable, "-c", PEAKS, backend], capture_output=True, text=True, check=True)
    found = [line.split() for line in done.stdout.splitlines()]
    assert [model for model, *_ in found] == ["lstm", "gru", "tanh_rnn"]
    for model, measured, estimated in found:
        assert 0.7 * int(measured) < int(estimated) < 1.4 * int(measured), model


def test_steps_that_do_not_fit_are_told_before_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    factors = {"task": ["adding"], "model": ["lstm"], "length": [100_000], "seed": [1]}
    (trial,) = expand(Study(name="long", factors=factors, task={"train": 64, "test": 1}, train={"backend": "native"}))
    assert step_bytes(trial) == 64 * 64 * 100_000 * 6 * 4, "the state and five vectors of gates"
    assert step_bytes(trial.replace(train=trial.train.model_copy(update={"device": "cuda", "backend": "auto"}))) == 0
    problems = [problem for _, problem in judge(trial.replace(length=1_000_000_000))]
    assert problems
    memory = SimpleNamespace(total=2_000_000_000)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    (problem,) = [problem for _, problem in judge(trial)]
    assert (problem.setting, "what the network keeps of each step" in problem.message) == ("train.batch", True)
    assert shortage(1_000, 2) == ""
    assert shortage(3_000_000_000, 2).startswith("2 workers together may need 2.8 GiB, more than the 1.9 GiB")
    notes = []
    monkeypatch.setattr("unroll.running.run.shortage", lambda needed, workers: f"{needed > 250e6}, {workers}")
    monkeypatch.setattr(Observer, "note", lambda self, text: notes.append(text))
    execute(tiny("length=3", "model=lstm", "train.epochs=1", "seed=[1]"), tmp_path / "r.db", executor="inline")
    assert "True, 1" in notes


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not bind processes to cores")
def test_only_the_cores_that_may_be_used_count():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
