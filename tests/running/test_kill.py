"""A run that is killed at random moments, again and again, ends with the bits of one that nothing disturbed.

Faults planted here, each seen to be found: a resume without the optimizer's state; an order of the training sequences
that comes from a global generator. Without checkpoints all would begin anew and end with these bits: so it is counted
how many runs could resume.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running.conftest import afresh, bits, family, has_checkpoint, kill_group, living, start, states, unroll
from unroll.errors import StoreMissingError
from unroll.store import State, Store

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


@dataclass
class Kills:
    """How many runs were killed before their end, and after how many the next one could resume from a checkpoint."""

    killed: int = 0
    resumed: int = 0

    def __add__(self, other: Kills) -> Kills:
        return Kills(self.killed + other.killed, self.resumed + other.resumed)


def kill_and_resume(study: Path, store: Path, kills: int, *options: object, plant: str = "", longest: float) -> Kills:
    """Kill runs of a study at random moments, then let one end.

    One kill of four is at any moment from the start on, the others once something is trained. A run that ended before
    its moment has completed the store: there is nothing left in it to kill.
    """
    moments = random.Random(time.time_ns())
    seen = Kills()
    for _ in range(kills):
        run = start("run", study, "--store", store, *options, plant=plant)
        try:
            if moments.random() < 0.25:
                time.sleep(moments.uniform(0.2, longest))
            else:
                while run.poll() is None and not _resumable(store):
                    time.sleep(0.01)
                time.sleep(moments.uniform(0.0, 0.5))
            workers = family(run)
            if run.poll() is not None:
                break
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            seen += Kills(1, bool(_resumable(store)))
            assert not living(workers, 2.0), "a worker outlived its coordinator by two seconds"
        finally:
            kill_group(run)
    last = unroll("run", study, "--store", store, *options, plant=plant)
    assert last.returncode == 0, last.stderr
    return seen


def _resumable(store: Path) -> bool:
    """Whether a trial was under way that has a checkpoint."""
    with suppress(StoreMissingError), Store.open(store) as opened:
        running = [trial.key for trial in opened.trials() if trial.state is State.running]
        return any(opened.checkpoint(key) for key in running)
    return False


def test_killed_runs_end_with_the_same_bits(small: Path, uninterrupted: dict, tmp_path: Path):
    seen = Kills()
    rounds = 0
    while seen.killed < KILLS:  # once a store is complete there is nothing left to kill: go on with a fresh one
        store = tmp_path / f"results{rounds}.db"
        seen += kill_and_resume(small, store, min(KILLS - seen.killed, 5), "--workers", 2, longest=5.0)
        assert set(states(store)) == {"complete"}
        assert bits(store) == uninterrupted
        assert afresh(store) == []
        rounds += 1
        assert rounds < 5 * KILLS, "almost no run lives long enough to be killed"
    assert seen.resumed >= seen.killed / 2, seen
    print(seen)


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
