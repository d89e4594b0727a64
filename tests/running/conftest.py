"""A small study, run in subprocesses as a person would, and ways to compare stores bit for bit.

A process of its own costs two seconds: where none is needed the command is ``called`` in this one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.cli.conftest import unroll as called  # noqa: F401 - a fixture: the command in this process
from tests.executors.dask_cluster import Forge
from tests.executors.slurm_node import slurm, slurm_node  # noqa: F401 - fixtures
from tests.working import work_on
from unroll import read_study
from unroll.errors import StoreMissingError
from unroll.running import execute
from unroll.running.messages import Order, Outcome
from unroll.store import Store
from unroll.testing.executors import PATIENCE

SMALL = """
name = "small"
[factors]
task = ["adding"]
model = ["gru", "lstm"]
length = [40, 60]
seed = [1]
[task]
train = 2000
validation = 100
test = 100
[model]
hidden = 32
[train]
epochs = 40
batch = 20
"""
"""Each trial takes about a second: time for some checkpoints, and to be stopped or killed between them."""


OFTEN = "import unroll.running.run as run; run.CHECKPOINT_SECONDS = 0.1"
"""Lets a run hand in a checkpoint so often that short trainings have one; planted where runs are stopped or killed."""


def command(*arguments: object, plant: str = "") -> list[str]:
    """Return the command line ``unroll ARGUMENTS``; ``plant`` is Python that runs before it."""
    program = f"{plant}\nfrom unroll.cli.main import main\nmain()"
    return [sys.executable, "-c", program, *map(str, arguments)]


def unroll(*arguments: object, plant: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``unroll ARGUMENTS`` to its end."""
    return subprocess.run(
        command(*arguments, plant=plant), capture_output=True, text=True, timeout=300, cwd=cwd, check=False
    )


def start(*arguments: object, plant: str = "", cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start ``unroll ARGUMENTS`` in a process group of its own, with checkpoints ten times a second."""
    return subprocess.Popen(
        command(*arguments, plant=f"{OFTEN}\n{plant}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        start_new_session=True,
    )


def wait_for(found, seconds: float = PATIENCE, what: str = "it") -> None:
    """Wait until ``found()`` is true."""
    end = time.monotonic() + seconds
    while not found():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen in {seconds} s")
        time.sleep(0.1)  # each look opens the store


def states(store: Path) -> list[str]:
    """Return the states of all trials, or nothing while there is no store yet."""
    try:
        with Store.open(store) as opened:
            return [str(trial.state) for trial in opened.trials()]
    except StoreMissingError:
        return []


def bits(store: Path) -> dict[str, tuple[str, dict[str, str], dict[str, bytes], bytes]]:
    """Return everything of each trial that must be the same bits: digests, histories without times, weights."""
    with Store.open(store) as opened:
        return {
            trial.key: (
                trial.digest,
                {name: measure.digest for name, measure in opened.measures(trial.key).items()},
                {name: values.tobytes() for name, values in opened.histories(trial.key).items() if name != "seconds"},
                opened.parameters(trial.key) if trial.digest else b"",
            )
            for trial in opened.trials()
        }


def has_checkpoint(store: Path) -> bool:
    """Whether a trial has a checkpoint by now."""
    try:
        with Store.open(store) as opened:
            return any(opened.checkpoint(trial.key) for trial in opened.trials())
    except StoreMissingError:
        return False


def afresh(store: Path) -> list[str]:
    """Return what was said of trials that did not go on from their checkpoints."""
    with Store.open(store) as opened:
        return [line["message"] for line in opened.events() if "starts afresh" in line["message"]]


def living(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Return those that still live after so many seconds at most; a zombie that nobody has collected does not."""

    def lives(process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    end = time.monotonic() + seconds
    while (alive := [process for process in processes if lives(process)]) and time.monotonic() < end:
        time.sleep(0.02)
    return alive


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the descendants of a process."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill_group(process: subprocess.Popen[str]) -> None:
    """End what a test has started, however it stands."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def worked(order: Order) -> Outcome:
    """Return how a worker's work on one trial ends."""
    outcome, before = work_on(order)
    assert before == []
    return outcome


@pytest.fixture
def at_each_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers of this process report, and hand in a checkpoint, at each update: however fast the machine."""
    for name in ("REPORT_SECONDS", "CHECKPOINT_SECONDS"):
        monkeypatch.setattr(f"unroll.running.run.{name}", 0.0)
        monkeypatch.setattr(f"unroll.running.run.{name}_A_SLOT", 0.0)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of the small study's file."""
    path = tmp_path_factory.mktemp("study") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def uninterrupted(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What the small study comes to when nothing disturbs it, in one process."""
    store = tmp_path_factory.mktemp("whole") / "results.db"
    assert execute(read_study(small), store, executor="inline").complete == 4
    return bits(store)


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    """Where Dask's schedulers and workers come from, with what trains the small study imported."""
    forge = Forge("unroll.running.work", "unroll.training.native", "unroll.models.gru", "unroll.models.lstm")
    yield forge
    forge.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    return tmp_path / "results.db"
