"""A study on a Dask cluster comes to the bits that it has inline, also where workers are killed on the way."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.executors.dask_cluster import Cluster, Forge, wait_for
from tests.running.conftest import afresh, bits, family, has_checkpoint, kill_group, living, start, states, unroll
from tests.running.test_run import Recorder
from unroll import read_study
from unroll.errors import ExecutorError
from unroll.running import execute
from unroll.store import Store
from unroll.testing.executors import PATIENCE

pytest.importorskip("distributed", reason='the executor dask needs pip install "unroll-lab[dask]"')


@pytest.fixture
def cluster(forge: Forge, tmp_path: Path):
    cluster = Cluster(forge, tmp_path, 2)
    yield cluster
    cluster.close()


def test_a_study_whose_workers_are_killed_has_the_bits_of_one_in_this_process(
    small: Path, uninterrupted: dict, store: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("unroll.running.run.CHECKPOINT_SECONDS", 0.1)

    def kill():
        wait_for(lambda: has_checkpoint(store))
        cluster.end(cluster.workers[0])
        cluster.add()

    killer = threading.Thread(target=kill)
    killer.start()
    recorder = Recorder()
    options = {"scheduler": cluster.address}
    summary = execute(read_study(small), store, executor="dask", executor_options=options, observer=recorder)
    killer.join()
    assert (summary.complete, summary.failed) == (4, 0)
    assert [note for note in recorder.notes if "is begun again" in note and "was lost" in note]
    assert afresh(store) == []
    assert bits(store) == uninterrupted
    with Store.open(store) as opened:
        around = {trial.fingerprint["circumstances"]["executor"] for trial in opened.trials()}
    assert any(words.startswith("Dask, ") and words.endswith(" on one host") for words in around)


def test_a_run_whose_scheduler_dies_says_how_to_go_on(
    small: Path, uninterrupted: dict, store: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("unroll.running.run.CHECKPOINT_SECONDS", 0.1)

    class Ends(Recorder):
        def progressed(self, slot, trial, share, epoch, loss):
            cluster.end(cluster.scheduler)
            time.sleep(0.1)

    with pytest.raises(ExecutorError, match=r"connection to the Dask scheduler was lost.*run the same command"):
        execute(
            read_study(small), store, executor="dask", executor_options={"scheduler": cluster.address}, observer=Ends()
        )
    assert "running" not in states(store)
    assert execute(read_study(small), store, executor="inline").complete == 4
    assert bits(store) == uninterrupted


def test_the_command_takes_options_and_says_which_there_are(small: Path, store: Path, cluster: Cluster, called):
    wrong = called("run", small, "--store", store, "--executor", "dask", "--executor-option", "shceduler=x")
    assert wrong.code == 2
    assert 'Unknown option shceduler of the executor dask. Did you mean "scheduler"?' in wrong.err
    wrong = called("run", small, "--store", store, "--executor", "inline", "--scheduler", cluster.address)
    assert wrong.code == 2
    assert "Unknown option scheduler of the executor inline. It has none." in wrong.err
    file = store.with_name("cluster.toml")
    file.write_text(f'scheduler = "{cluster.address}"\n')
    options = ("--executor", "dask", "--executor-file", file, "--set", "train.epochs=1")
    done = called("run", small, "--store", store, *options)
    assert done.code == 0, done.err
    assert "on Dask, " in done.err
    assert set(states(store)) == {"complete"}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_ends_a_run_that_no_scheduler_answers(small: Path, store: Path, number: int, code: int):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        run = start("run", small, "--store", store, "--executor", "dask", "--scheduler", address)
        try:
            silent.settimeout(PATIENCE)
            connection, _ = silent.accept()
            run.send_signal(number)
            _, talk = run.communicate(timeout=PATIENCE)
            connection.close()
        finally:
            kill_group(run)
    assert run.returncode == code
    assert talk.strip() == f"Stopped. 0 trials are complete. Resume with: unroll run {small} --store {store}"


def test_a_signal_while_a_cluster_of_this_machine_starts_leaves_nothing(small: Path, store: Path):
    run = start("run", small, "--store", store, "--executor", "dask", "--workers", 2)
    try:
        wait_for(lambda: len(family(run)) == 3)  # Python's tracker, and two workers that have not joined yet
        begun = family(run)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
        _, talk = run.communicate(timeout=PATIENCE)
    finally:
        kill_group(run)
    assert run.returncode == 130
    assert talk.strip() == f"Stopped. 0 trials are complete. Resume with: unroll run {small} --store {store}"
    assert not living(begun, 2.0)


ASKED = """
import sys
from distributed.nanny import WorkerProcess
leave = WorkerProcess.kill
async def kill(self, *arguments, **options):
    if self.is_alive():
        print("Error: a worker is asked to leave, which takes as long as it computes", file=sys.stderr)
    await leave(self, *arguments, **options)
WorkerProcess.kill = kill
"""


@pytest.mark.parametrize("how", ["twice", "killed"])
def test_a_run_on_a_cluster_of_this_machine_ends_at_once(small: Path, store: Path, how: str):
    """Planted and found: a cluster that is closed without its workers killed; a tracker that warns of semaphores."""
    endless = ("--set", "model.hidden=64", "--set", "length=500", "--set", "train.epochs=4000")
    run = start("run", small, "--store", store, "--executor", "dask", "--workers", 2, *endless, plant=ASKED)
    try:
        wait_for(lambda: "running" in states(store))
        begun = family(run)
        if how == "twice":
            os.killpg(run.pid, signal.SIGINT)
            assert "Stopping at the next update" in next(line for line in run.stderr if "Stopping" in line)
            os.killpg(run.pid, signal.SIGINT)
        else:
            os.kill(run.pid, signal.SIGKILL)
        _, talk = run.communicate(timeout=PATIENCE)
        assert not living(begun, 5.0)
    finally:
        kill_group(run)
    assert run.returncode == (130 if how == "twice" else -signal.SIGKILL)
    assert "Error" not in talk
    assert "Warning" not in talk
    assert ("running" in states(store)) == (how == "killed")


def test_without_the_package_the_error_says_how_to_install_it(small: Path, store: Path):
    absent = "import sys; sys.modules['distributed'] = None"
    done = unroll("run", small, "--store", store, "--executor", "dask", plant=absent)
    assert done.returncode == 1
    assert 'Install it: pip install "unroll-lab[dask]"' in done.stderr
