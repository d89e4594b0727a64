"""A run that is killed at random moments, again and again, ends with the bits of one that nothing disturbed.

Faults planted here, each seen to be found: a resume without the optimizer's state; an order of the training sequences
that comes from a global generator.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.running.conftest import bits, family, has_checkpoint, kill_group, living, start, states, unroll

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "50"))

NO_OPTIMIZER_STATE = """
from unroll.training.loop import Training
thaw = Training._thaw
def without(self, checkpoint):
    thaw(self, checkpoint)
    self.optimizer.state.clear()
Training._thaw = without
"""

GLOBAL_ORDER = """
import numpy as np
from unroll.streams.keyed import KeyedStreams
np.random.seed(7)
KeyedStreams.order = lambda self, epoch, n: np.random.permutation(n)
"""


def kill_and_resume(study: Path, store: Path, kills: int, *options: object, plant: str = "", longest: float) -> int:
    """Kill runs of a study at random moments, then let one end; return how many were killed before their end.

    A run that ended before its moment has completed the store: there is nothing left in it to kill.
    """
    moments = random.Random(time.time_ns())
    killed = 0
    for _ in range(kills):
        run = start("run", study, "--store", store, *options, plant=plant)
        try:
            time.sleep(moments.uniform(0.2, longest))
            workers = family(run)
            if run.poll() is not None:
                break
            killed += 1
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            assert not living(workers, 2.0), "a worker outlived its coordinator by two seconds"
        finally:
            kill_group(run)
    last = unroll("run", study, "--store", store, *options, plant=plant)
    assert last.returncode == 0, last.stderr
    return killed


def test_killed_runs_end_with_the_same_bits(small: Path, uninterrupted: dict, tmp_path: Path):
    left = KILLS
    rounds = 0
    while left > 0:  # once a store is complete there is nothing left to kill: go on with a fresh one
        store = tmp_path / f"results{rounds}.db"
        killed = kill_and_resume(small, store, min(left, 5), "--workers", 2, longest=5.0)
        assert set(states(store)) == {"complete"}
        assert bits(store) == uninterrupted
        left, rounds = left - killed, rounds + 1
        assert rounds < 5 * KILLS, "almost no run lives long enough to be killed"


@pytest.mark.parametrize(("fault", "plant"), [("optimizer", NO_OPTIMIZER_STATE), ("order", GLOBAL_ORDER)])
def test_the_comparison_finds_a_planted_fault(fault: str, plant: str, small: Path, uninterrupted: dict, store: Path):
    run = start("run", small, "--store", store, "--executor", "inline", plant=plant)
    try:
        while not has_checkpoint(store):
            assert run.poll() is None, run.communicate()
            time.sleep(0.02)
    finally:
        kill_group(run)
    assert unroll("run", small, "--store", store, "--executor", "inline", plant=plant).returncode == 0
    assert bits(store) != uninterrupted
