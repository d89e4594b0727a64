"""Machines with other instructions, each played by an environment that hides some: see ``tests.training.small``.

A training that was begun on one goes on on another, and results of two are merged and are the same.

Planted and found: numerics that name the kernels' instruction set.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels.oracle import needs_native
from tests.training.small import environment
from unroll.api import merge
from unroll.kernels import isas
from unroll.store import Store

pytestmark = [needs_native, pytest.mark.skipif(not {"v3", "v4"} <= set(isas()), reason="this processor has one level")]

STUDY = """
name = "levels"
[factors]
task = ["{task}"]
model = ["tanh_rnn", "gru", "lstm"]
length = [{length}]
seed = [1]
[task]
train = 200
validation = 30
test = 50
[model]
hidden = 9
[train]
epochs = 4
batch = 16
"""


def unroll(folder: Path, level: str, *arguments: str) -> str:
    """What a machine of a level says to a command."""
    command = [sys.executable, "-c", "from unroll.cli.main import main; main()", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(level), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("task", "length"), [("recall", 5), ("fibonacci", 5)])
def test_a_training_goes_on_on_another_machine_with_the_bits_of_one(tmp_path: Path, task: str, length: int) -> None:
    (tmp_path / "levels.toml").write_text(STUDY.format(task=task, length=length))
    run = ("run", "levels.toml", "--executor", "inline", "--store")
    unroll(tmp_path, "AVX2", *run, "moved.db", "--set", "train.epochs=2", "--keep-state")
    unroll(tmp_path, "AVX-512", *run, "moved.db")
    with Store.open(tmp_path / "moved.db") as store:
        events = [event["message"] for event in store.events()]
    assert sum("goes on after the two epochs" in event for event in events) == 3, events
    assert not any("afresh" in event for event in events)
    unroll(tmp_path, "SSE", *run, "one.db")
    (merged,) = merge([tmp_path / "one.db"], tmp_path / "moved.db").values()
    assert (merged.known, merged.different) == (3, ())
