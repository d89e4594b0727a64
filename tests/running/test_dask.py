"""A study on a Dask cluster comes to the bits that it has inline, also where workers are killed on the way."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.executors.dask_cluster import Cluster, Forge, wait_for
from tests.running.conftest import afresh, bits, has_checkpoint, states, unroll
from tests.running.test_run import Recorder
from unroll import read_study
from unroll.errors import ExecutorError
from unroll.running import execute
from unroll.store import Store

pytest.importorskip("distributed", reason='the executor dask needs pip install "unroll-lab[dask]"')


@pytest.fixture(scope="module")
def forge():
    forge = Forge("unroll.running.work")
    yield forge
    forge.close()


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


def test_the_command_takes_options_and_says_which_there_are(small: Path, store: Path, cluster: Cluster):
    wrong = unroll("run", small, "--store", store, "--executor", "dask", "--executor-option", "shceduler=x")
    assert wrong.returncode == 2
    assert 'Unknown option shceduler of the executor dask. Did you mean "scheduler"?' in wrong.stderr
    wrong = unroll("run", small, "--store", store, "--executor", "inline", "--scheduler", cluster.address)
    assert wrong.returncode == 2
    assert "Unknown option scheduler of the executor inline. It has none." in wrong.stderr
    file = store.with_name("cluster.toml")
    file.write_text(f'scheduler = "{cluster.address}"\n')
    options = ("--executor", "dask", "--executor-file", file, "--set", "train.epochs=1")
    done = unroll("run", small, "--store", store, *options)
    assert done.returncode == 0, done.stderr
    assert "on Dask, " in done.stderr
    assert set(states(store)) == {"complete"}


def test_without_the_package_the_error_says_how_to_install_it(small: Path, store: Path):
    absent = "import sys; sys.modules['distributed'] = None"
    done = unroll("run", small, "--store", store, "--executor", "dask", plant=absent)
    assert done.returncode == 1
    assert 'Install it: pip install "unroll-lab[dask]"' in done.stderr
