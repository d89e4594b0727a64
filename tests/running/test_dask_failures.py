"""What a study on Dask comes to when its workers freeze, differ, lack something, or come and go.

Planted and found: no start ids, so that work which Dask starts twice is trained twice.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.executors.dask_cluster import TTL, Cluster, Forge, wait_for
from tests.running.conftest import afresh, bits, has_checkpoint
from tests.running.test_run import Recorder
from unroll import read_study
from unroll.running import execute
from unroll.running.fence import Fence
from unroll.store import Store

distributed = pytest.importorskip("distributed", reason='the executor dask needs pip install "unroll-lab[dask]"')
clusters = pytest.importorskip("unroll.executors.cluster")

TORCHS = ("train.backend=torch", "train.epochs=4")
"""On PyTorch's layers the bits of a trial depend on where it runs."""
ANOTHER = """
import sys
import unroll.training.numerics
sys.modules["unroll.training.numerics"].cpu_model = lambda: "another processor"
"""
FREEZES = """
import os
import signal
from unroll.executors import dask_worker
from unroll.running.messages import Resumable

send, kept = dask_worker.Line._send, []

def freezing(line, said):
    send(line, said)
    if isinstance(said.content, Resumable):
        kept.append(said.key)
        if len(kept) == 2:
            os.kill(os.getpid(), signal.SIGSTOP)

dask_worker.Line._send = freezing
"""
"""Freezes a worker in the middle of its first trial, when a checkpoint of that has left."""
WAITS = """
import os
import time
from unroll.executors import dask_worker
from unroll.running.messages import Outcome

send = dask_worker.Line._send

def waiting(line, said):
    while isinstance(said.content, Outcome) and not os.path.exists({go!r}):
        time.sleep(0.05)
    send(line, said)

dask_worker.Line._send = waiting
"""
"""Lets no trial of a worker end before there is a file."""
WITHOUT_GRU = "from unroll import registry; del registry.models._builtin['gru']"


@pytest.fixture
def made(forge: Forge, tmp_path: Path):
    """Make a cluster."""
    clusters = []

    def make(workers: int, ttl: str = "5 minutes") -> Cluster:
        clusters.append(Cluster(forge, tmp_path, workers, ttl))
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.close()


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.running.run.CHECKPOINT_SECONDS", 0.1)


def run(small: Path, store: Path, cluster: Cluster, *overrides: str, **options: Any) -> Recorder:
    """Run the small study to its end, all of it complete."""
    recorder = options.pop("observer", None) or Recorder()
    options = {"scheduler": cluster.address, "silence": 2.0, **options}
    study = read_study(small, list(overrides))
    summary = execute(study, store, executor="dask", executor_options=options, observer=recorder)
    assert (summary.complete, summary.failed) == (4, 0), recorder.notes
    return recorder


def meanwhile(do: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=do)
    thread.start()
    return thread


def test_a_frozen_worker_that_comes_back_changes_nothing(small: Path, uninterrupted: dict, store: Path, made):
    cluster = two(made, store, FREEZES, ttl=TTL)
    recorder = Recorder()

    def thaw() -> None:
        wait_for(lambda: [note for note in recorder.notes if "is begun again" in note])
        os.kill(cluster.workers[1], signal.SIGCONT)

    thawing = meanwhile(thaw)
    run(small, store, cluster, observer=recorder)
    thawing.join()
    assert bits(store) == uninterrupted
    assert afresh(store) == []
    with Store.open(store) as opened:
        finished = Counter(event["trial"] for event in opened.events() if event["kind"] == "finished")
        attempts = [trial.attempts for trial in opened.trials()]
    assert set(finished.values()) == {1}
    again = [note for note in recorder.notes if "is begun again" in note]  # on a busy machine others are lost as well
    assert sum(attempts) == 4 + len(again)


@pytest.mark.parametrize("fenced", [True, False])
def test_work_that_dask_starts_twice_is_done_once(
    small: Path, uninterrupted: dict, store: Path, made, monkeypatch: pytest.MonkeyPatch, fenced: bool
):
    """As where the scheduler starts it again before the coordinator has heard of the worker's end."""
    cluster = made(2)
    monkeypatch.setattr(clusters.Cluster, "_lose", lambda self, submission, fate: None)
    answer, works, given = Fence.answer, {}, Counter()

    def counted(fence: Fence, question: Any) -> Any:
        works.setdefault(fence, fence._batch)
        batch = answer(fence, question) if fenced else works[fence]
        given[fence] += batch is not None
        return batch

    monkeypatch.setattr(Fence, "answer", counted)
    if not fenced:
        monkeypatch.setattr(Fence, "passes", lambda self, message: True)

    def kill() -> None:
        wait_for(lambda: has_checkpoint(store))
        cluster.end(cluster.workers.pop(0))

    killer = meanwhile(kill)
    recorder = run(small, store, cluster)
    killer.join()
    assert max(given.values()) == (1 if fenced else 2)
    assert bool([note for note in recorder.notes if "about to start a second time" in note]) == fenced
    assert bits(store) == uninterrupted


def test_workers_that_are_added_and_retired(
    small: Path, uninterrupted: dict, store: Path, made, monkeypatch: pytest.MonkeyPatch
):
    cluster = made(1)
    slots: list[int] = []
    count = clusters.Cluster._count

    def counted(self: clusters.Cluster) -> None:
        count(self)
        slots.append(self.slots)

    monkeypatch.setattr(clusters.Cluster, "_count", counted)

    def scale() -> None:
        wait_for(lambda: has_checkpoint(store))
        cluster.add()
        cluster.add()
        with distributed.Client(cluster.address) as boss:
            boss.wait_for_workers(3)
            first = next(iter(boss.scheduler_info(n_workers=-1)["workers"]))
            boss.retire_workers([first], close_workers=True)

    scaler = meanwhile(scale)
    run(small, store, cluster)
    scaler.join()
    assert [count for count, _ in groupby(slots)] == [1, 2, 3, 2]  # it is counted more often than it changes
    assert bits(store) == uninterrupted


def test_trials_whose_bits_depend_on_the_processor_are_kept_to_workers_like_the_first(small: Path, store: Path, made):
    recorder = run_until_one_is_refused(made, small, store, ANOTHER, *TORCHS, same_numerics=True)
    with Store.open(store) as opened:
        assert len({trial.fingerprint["numerics"]["cpu"] for trial in opened.trials()}) == 1
    (note,) = [note for note in recorder.notes if "Going on with fewer workers" in note]
    assert "another processor" in note
    assert "same-numerics was asked for" in note


def test_of_trials_that_are_all_native_every_worker_is_used(small: Path, uninterrupted: dict, store: Path, made):
    cluster = two(made, store, ANOTHER)
    recorder = run(small, store, cluster, same_numerics=True)
    assert not [note for note in recorder.notes if "fewer workers" in note]
    with Store.open(store) as opened:
        assert len({trial.fingerprint["circumstances"]["cpu"] for trial in opened.trials()}) == 2
    assert bits(store) == uninterrupted


def test_a_worker_without_a_plug_in_is_named_and_done_without(small: Path, uninterrupted: dict, store: Path, made):
    recorder = run_until_one_is_refused(made, small, store, WITHOUT_GRU)
    (note,) = [note for note in recorder.notes if "Going on with fewer workers" in note]
    assert f'The worker on {os.uname().nodename} has no model "gru". Install there what brings it' in note
    assert bits(store) == uninterrupted


def run_until_one_is_refused(
    made: Callable[..., Cluster], small: Path, store: Path, plant: str, *overrides: str, **options: Any
) -> Recorder:
    """Run the small study on two workers; no trial ends before the second one, with a plant, is refused."""
    go = store.with_name("go")
    cluster = two(made, store, plant, first=WAITS.format(go=str(go)))
    recorder = Recorder()

    def let_go() -> None:
        try:
            wait_for(lambda: [note for note in recorder.notes if "fewer workers" in note])
        finally:
            go.touch()

    letting = meanwhile(let_go)
    run(small, store, cluster, *overrides, observer=recorder, **options)
    letting.join()
    return recorder


def two(made: Callable[..., Cluster], store: Path, plant: str, first: str = "", **options: str) -> Cluster:
    """Return a cluster whose second worker, and maybe its first, runs a plant before all else; both are there."""
    cluster = made(0 if first else 1, **options)
    for place, text in enumerate(filter(None, (first, plant))):
        path = store.with_name(f"plant{place}.py")
        path.write_text(text)
        cluster.add(plant=str(path))
    with distributed.Client(cluster.address) as boss:
        boss.wait_for_workers(2)
    return cluster
