"""A run in surroundings that are not as they should be: streams closed or full, nothing in the environment, stopped.

Planted and found: an error of the screen that ends the run; a closed stream whose number a file of ours gets; a table
that could not be printed and an exit code that says it was; lack of memory
told without a next step; a view as wide as the terminal once was.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import resource
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.running.conftest import bits, family, has_checkpoint, kill_group, start, states, wait_for
from tests.running.test_run import Recorder, tiny
from unroll import registry
from unroll.errors import StoreHeldError
from unroll.reading import results
from unroll.report import report
from unroll.running import execute
from unroll.store import Store
from unroll.tasks.adding import Adding

PROGRAM = Path(sys.executable).with_name("unroll")
STUDY = """
name = "surrounded"
[factors]
task = ["adding"]
model = ["gru"]
length = [4, 5]
seed = [1]
[task]
train = 64
validation = 32
test = 32
[model]
hidden = 4
[train]
epochs = 2
batch = 16
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "surrounded.toml"
    path.write_text(STUDY)
    return path


@pytest.mark.parametrize(
    ("streams", "code"),
    [("> /dev/full", 1), (">&- 2>&- <&-", 1), ("2>&1 | true", None)],
)
def test_streams_that_cannot_be_written_cost_no_result(study: Path, store: Path, streams: str, code: int | None):
    command = f"{shlex.quote(str(PROGRAM))} run {study} --store {store} --executor inline {streams}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert code is None or done.returncode == code, done.stderr
    assert states(store) == ["complete", "complete"]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if streams == "> /dev/full":
        assert "The table cannot be printed (No space left on device). Everything is stored" in done.stderr


def test_an_empty_environment_and_modules_with_evil_names(study: Path, store: Path, tmp_path: Path):
    canary = tmp_path / "canary"
    for name in ("json", "torch", "numpy", "unroll", "sitecustomize", "secrets", "cloudpickle"):
        (tmp_path / f"{name}.py").write_text(f"open({str(canary)!r}, 'a').write({name!r})\n")
    command = [PROGRAM, "run", study, "--store", store, "--workers", "1"]
    environment = {"PATH": os.defpath}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not canary.exists(), canary.read_text()
    assert states(store) == ["complete", "complete"]


def test_a_run_that_is_stopped_and_continued_ends_with_the_same_bits(small: Path, uninterrupted: dict, store: Path):
    run = start("run", small, "--store", store, "--workers", 2)
    try:
        wait_for(lambda: has_checkpoint(store), what="a checkpoint")
        os.kill(run.pid, signal.SIGSTOP)  # alone: its workers go on, and wait when it takes nothing from them
        wait_for(lambda: psutil.Process(run.pid).status() == psutil.STATUS_STOPPED, what="the coordinator to stop")
        time.sleep(0.5)
        os.kill(run.pid, signal.SIGCONT)
        os.killpg(run.pid, signal.SIGSTOP)  # as Ctrl-Z does; its SIGTSTP stops no group that has no shell above it
        workers = family(run)
        stopped = [psutil.Process(run.pid), *workers]
        wait_for(lambda: all(p.status() == psutil.STATUS_STOPPED for p in stopped), what="all to stop")
        for process in workers:  # a small /dev/shm, as containers have it, is no matter: nobody uses it
            assert "/dev/shm" not in Path(f"/proc/{process.pid}/maps").read_text()
        os.killpg(run.pid, signal.SIGCONT)
        _, talk = run.communicate(timeout=120)
    finally:
        kill_group(run)
    assert run.returncode == 0, talk
    assert bits(store) == uninterrupted


def test_looking_and_forgetting_during_a_run(store: Path):
    """A reader is right at every moment; whoever would change the store is refused with the holder's name."""
    study = tiny("length=[4, 5, 6]", "model=gru")

    class Looking(Recorder):
        def completed(self, slot, trial, metrics, seconds):
            super().completed(slot, trial, metrics, seconds)
            with Store.open(store) as opened:
                found = opened.trials()
                assert sum(trial.state == "complete" for trial in found) == len(self.done)
                assert opened.trial(trial.key).metrics["test_mse"] == metrics["test_mse"]
            told = "3 trials, all complete" if len(self.done) == 3 else f"{len(self.done)} of 3 trials complete"
            assert told in report(results(study, store))
            with pytest.raises(StoreHeldError, match=rf"process {os.getpid()} .*run {study.name}"):
                Store.open(store, write=True, purpose="forget it")

    assert execute(study, store, executor="inline", observer=Looking()).complete == 3


def test_a_trial_without_memory_fails_alone_with_the_next_step(store: Path, monkeypatch: pytest.MonkeyPatch):
    """In a worker, whose memory alone is limited: the other trial is trained by the same one."""

    class Hungry(Adding):
        summary = "An adding problem that asks for more memory than there is, from five steps on."
        version = "1"

        def dataset(self, streams, length):
            if length < 5 or self.test == 1:  # the small copy of which the time is measured
                return super().dataset(streams, length)
            before = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + (64 << 20), before[1]))
            try:
                np.zeros(1 << 30)
            finally:
                resource.setrlimit(resource.RLIMIT_AS, before)

    monkeypatch.setattr(registry.tasks, "_registered", {})
    registry.tasks.register("hungry", Hungry)
    study = tiny("length=[4, 5]", "model=gru", "task=hungry")
    summary = execute(study, store, executor="processes", workers=1)
    assert (summary.complete, summary.failed) == (1, 1)
    with Store.open(store) as opened:
        (failed,) = [trial for trial in opened.trials() if trial.state == "failed"]
    assert "Unable to allocate 8.00 GiB" in failed.error["message"]
    assert "make some free, ask for fewer workers" in failed.error["message"]


VIEW = """
import sys
from tests.running.test_progress import METRICS, TRIAL, outlook
from unroll.running.progress import progress_on_stderr
view = progress_on_stderr()
view.begin(outlook())
view.started(0, TRIAL)
sys.stdin.read()
"""


def test_a_terminal_that_is_resized_is_drawn_anew():
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    resize(theirs, 100)
    program = subprocess.Popen(
        [sys.executable, "-c", VIEW],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        cwd=Path(__file__).parents[2],
        env={**environment, "TERM": "xterm"},
    )
    try:
        wait_for_width(ours, 100)
        resize(theirs, 60)
        program.send_signal(signal.SIGWINCH)
        wait_for_width(ours, 60)
        assert program.poll() is None
    finally:
        program.kill()
        program.communicate()
        os.close(ours)
        os.close(theirs)


def resize(terminal: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 30, columns, 0, 0))


def wait_for_width(terminal: int, columns: int, seconds: float = 30.0) -> None:
    """Wait until what is drawn is just as wide as the terminal."""
    end, drawn = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        os.set_blocking(terminal, False)
        with suppress(BlockingIOError):
            drawn += os.read(terminal, 1 << 16).decode()
        lines = [re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", line).strip("\r") for line in drawn.split("\n")]
        bars = [line for line in lines if " trials  " in line and "━" in line]
        if bars and len(bars[-1]) == columns:
            return
        time.sleep(0.05)
    pytest.fail(f"nothing of {columns} columns was drawn: {bars[-1:]}")
