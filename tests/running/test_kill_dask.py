"""Kills at random moments on Dask: of the coordinator, of workers, of the scheduler; the bits are always the same.

``KILLS`` of the coordinator, at most 20, and ``LOSSES`` each of workers and of schedulers. The executor is told to be
silent for two seconds at most, so that workers are soon free of a coordinator that is gone.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.executors.dask_cluster import Cluster, Forge, wait_for
from tests.running.conftest import afresh, bits, has_checkpoint, kill_group, start, states, unroll
from unroll.errors import StoreMissingError
from unroll.store import Store

pytest.importorskip("distributed", reason='the executor dask needs pip install "unroll-lab[dask]"')
pytestmark = pytest.mark.slow

PATIENCE = 120.0
MOST = 20
KILLS = min(MOST, int(os.environ.get("KILLS", MOST)))
LOSSES = min(MOST, int(os.environ.get("LOSSES", KILLS)))


@pytest.fixture
def made(forge: Forge, tmp_path: Path):
    """Make clusters of two workers, each in the place of the one before."""
    there: list[Cluster] = []

    def make() -> Cluster:
        for cluster in there:
            cluster.close()
        folder = tmp_path / f"cluster{len(there)}"
        folder.mkdir()
        there.append(Cluster(forge, folder, 2))
        return there[-1]

    yield make
    for cluster in there:
        cluster.close()


def on(cluster: Cluster) -> tuple[object, ...]:
    return "--executor", "dask", "--scheduler", cluster.address, "--executor-option", "silence=2"


def test_killed_coordinators(small: Path, uninterrupted: dict, tmp_path: Path, made):
    cluster, killed, resumable, rounds = made(), 0, 0, 0
    while killed < KILLS:
        store = tmp_path / f"results{rounds}.db"
        for _ in range(min(KILLS - killed, 5)):
            with begun(small, store, cluster) as run:
                if run.poll() is not None:
                    break
                os.kill(run.pid, signal.SIGKILL)
                run.wait()
            killed += 1
            resumable += has_checkpoint(store)
        end(small, store, cluster, uninterrupted)
        rounds += 1
        assert rounds < 5 * KILLS, "almost no run lives long enough to be killed"
    assert resumable >= killed / 2, (killed, resumable)
    print(f"{killed} killed, {resumable} of them with a checkpoint to go on from")


def test_killed_workers(small: Path, uninterrupted: dict, tmp_path: Path, made):
    cluster, killed, rounds = made(), 0, 0
    while killed < LOSSES:
        store = tmp_path / f"results{rounds}.db"
        with begun(small, store, cluster) as run:
            for _ in range(min(LOSSES - killed, 2)):  # a trial fails when three workers have died of it
                if run.poll() is None:
                    cluster.end(cluster.workers.pop(random.SystemRandom().randrange(2)))
                    cluster.add()
                    killed += 1
                    time.sleep(random.SystemRandom().uniform(0.0, 2.0))
            _, talk = run.communicate(timeout=PATIENCE)
        assert run.returncode == 0, talk
        end(small, store, cluster, uninterrupted)
        rounds += 1
        assert rounds < 5 * LOSSES, "almost no run lives long enough"


def test_killed_schedulers(small: Path, uninterrupted: dict, tmp_path: Path, made):
    killed, rounds = 0, 0
    while killed < LOSSES:
        store = tmp_path / f"results{rounds}.db"
        for _ in range(min(LOSSES - killed, 3)):
            cluster = made()
            with begun(small, store, cluster) as run:
                over = run.poll() is not None
                cluster.end(cluster.scheduler)
                _, talk = run.communicate(timeout=PATIENCE)
            if over or run.returncode == 0:
                break
            killed += 1
            assert run.returncode == 1, talk
            assert "connection to the Dask scheduler was lost. What is finished is stored." in talk
            assert "running" not in states(store)
        end(small, store, made(), uninterrupted)
        rounds += 1
        assert rounds < 5 * LOSSES, "almost no run lives long enough"


@contextmanager
def begun(small: Path, store: Path, cluster: Cluster) -> Iterator[subprocess.Popen[str]]:
    """Start a run of the small study; at some moment after its first trial has begun it is what this gives, or over."""
    before = starts(store)
    run = start("run", small, "--store", store, *on(cluster))
    try:
        wait_for(lambda: starts(store) > before or run.poll() is not None, PATIENCE)
        time.sleep(random.SystemRandom().uniform(0.0, 1.0))
        yield run
    finally:
        kill_group(run)


def starts(store: Path) -> int:
    """Return how often a trial was begun."""
    with suppress(StoreMissingError), Store.open(store) as opened:
        return sum(trial.attempts for trial in opened.trials())
    return 0


def end(small: Path, store: Path, cluster: Cluster, uninterrupted: dict) -> None:
    """Let a run end: all is there, and has the bits that it has without anything killed."""
    last = unroll("run", small, "--store", store, *on(cluster))
    assert last.returncode == 0, last.stderr
    assert set(states(store)) == {"complete"}
    assert bits(store) == uninterrupted
    assert afresh(store) == []
