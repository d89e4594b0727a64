"""Stopping, dying and running out of space lose no finished trial, and a resumed run ends with the same bits.

Faults planted here, each seen to be found: no checkpoint on the first signal; the study given up when a worker dies;
workers that die of the SIGTERM that the whole process group receives.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.running.conftest import (
    bits,
    command,
    family,
    has_checkpoint,
    kill_group,
    living,
    start,
    states,
    unroll,
    wait_for,
)
from unroll.store import Store


def _training(process: subprocess.Popen[str], store: Path) -> None:
    """Wait until the first checkpoint says that training has begun."""

    def found() -> bool:
        assert process.poll() is None, process.communicate()
        return "running" in states(store) and has_checkpoint(store)

    wait_for(found, what="a checkpoint")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_stops_the_run_and_keeps_checkpoints(
    number: int, code: int, small: Path, uninterrupted: dict, store: Path, called
):
    before = signal.signal(number, signal.SIG_DFL)  # who runs the tests may ignore it, and children inherit that
    try:
        run = start("run", small, "--store", store, "--workers", 2)
    finally:
        signal.signal(number, before)
    try:
        _training(run, store)
        workers = family(run)
        os.killpg(run.pid, number)  # as a terminal, timeout, schedulers and service managers do
        _, talk = run.communicate(timeout=30)
    finally:
        kill_group(run)
    assert run.returncode == code
    assert "is begun again" not in talk
    assert f"Resume with: unroll run {small} --store {store}" in talk
    assert not living(workers, 2.0)
    found = states(store)
    assert "running" not in found
    assert "waiting" in found
    assert has_checkpoint(store)
    if number == signal.SIGTERM:  # a checkpoint does not tell which signal it was
        assert called("run", small, "--store", store, "--executor", "inline").code == 0
        assert bits(store) == uninterrupted


def test_a_second_signal_stops_at_once(small: Path, store: Path):
    run = start(
        "run", small, "--store", store, "--executor", "inline", "--set", "model.hidden=64", "--set", "length=500"
    )
    try:
        wait_for(lambda: "running" in states(store), what="training")
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    finally:
        kill_group(run)
    assert run.returncode == 130
    assert "running" not in states(store)


def test_a_dead_workers_trial_is_tried_again(small: Path, uninterrupted: dict, store: Path):
    run = start("run", small, "--store", store, "--workers", 2)
    try:
        _training(run, store)
        victim = max(family(run), key=lambda process: process.memory_info().rss)
        victim.kill()
        _, talk = run.communicate(timeout=300)
    finally:
        kill_group(run)
    assert run.returncode == 0, talk
    assert "is begun again (2 of 3)" in talk
    assert "SIGKILL" in talk
    assert bits(store) == uninterrupted


DEADLY = """
import os
import unroll.tasks.adding as adding
draw = adding.Adding.dataset
def dataset(self, streams, length):
    if length == 60:
        os._exit(7)
    return draw(self, streams, length)
adding.Adding.dataset = dataset
"""


def test_a_trial_that_kills_its_worker_is_given_up_after_three(small: Path, store: Path, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(DEADLY)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command("run", small, "--store", store, "--workers", 1, "--set", "model=lstm", "--set", "train.epochs=2"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert sorted(states(store)) == ["complete", "failed"]
    with Store.open(store) as opened:
        failed = [trial for trial in opened.trials() if trial.state == "failed"]
    assert {trial.length for trial in failed} == {60}
    assert {trial.error["type"] for trial in failed} == {"WorkerDiedError"}
    assert {trial.attempts for trial in failed} == {3}


def test_a_full_disk_ends_the_run_with_a_clear_error(small: Path, uninterrupted: dict, store: Path, called):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (450_000, 450_000))"
    run = unroll("run", small, "--store", store, "--workers", 1, plant=limit)
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert str(store) in run.stderr
    found = states(store)
    assert "complete" in found, "the limit is too low to show anything"
    assert set(found) != {"complete"}, "the limit is too high to show anything"
    finished = {key: value for key, value in bits(store).items() if value[0]} if "complete" in found else {}
    assert finished.items() <= uninterrupted.items()
    assert called("run", small, "--store", store, "--executor", "inline").code == 0
    assert bits(store) == uninterrupted
