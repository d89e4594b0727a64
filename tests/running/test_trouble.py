"""What goes wrong beside a trial is no failure of the trial, and what goes wrong in one trial is no end of the study.

Planted and found: names of files decoded as UTF-8 between a result and its commit; only some exceptions of a plug-in
foreseen while the time is measured; an inline trial that catches what the store raises; a worker that cannot be started
counted as the trial's failure; a result that the store refuses ending the run; lone surrogates written as they are.
"""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from tests.running.test_run import Recorder, tiny
from unroll.errors import ExecutorError, StoreFullError, StoreLostError, StudyError, WorkerStartError
from unroll.executors import Processes
from unroll.running import Shard, execute, foresee
from unroll.running.fingerprint import git_state
from unroll.store import State, Store
from unroll.tasks.adding import Adding
from unroll.training.loop import Training

ONE = ("length=4", "model=gru")
TWO = ("length=[4, 5]", "model=gru")


def states(store: Path) -> list[State]:
    with Store.open(store) as opened:
        return [trial.state for trial in opened.trials()]


def test_a_repository_with_names_of_files_in_any_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for command in (["init", "-q"], ["config", "core.quotepath", "false"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    commit = ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "m"]
    subprocess.run(["git", *commit], cwd=tmp_path, check=True)
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv")).touch()
    except OSError as error:
        pytest.skip(f"this file system takes no such name: {error}")
    monkeypatch.chdir(tmp_path)
    git_state.cache_clear()
    try:
        assert git_state() is not None
        assert git_state()["dirty"] is True
    finally:
        git_state.cache_clear()


@pytest.mark.parametrize("error", [IndexError("i"), TimeoutError("t"), SystemExit(3), AssertionError("a")])
def test_an_exception_while_the_time_is_measured_costs_only_the_estimate(
    error: BaseException, store: Path, monkeypatch: pytest.MonkeyPatch
):
    draw = Adding.dataset

    def dataset(self, streams, length):
        if self.test == 1:  # the small copy that is measured
            raise error
        return draw(self, streams, length)

    monkeypatch.setattr(Adding, "dataset", dataset)
    recorder = Recorder()
    assert execute(tiny(*ONE), store, executor="inline", observer=recorder).complete == 1
    assert recorder.notes == []  # of these trials: the time of others is still measured


@pytest.mark.parametrize("error", [IndexError("i"), TimeoutError("t"), SystemExit(3)])
def test_whatever_the_measurement_raises_is_told(error: BaseException, store: Path, monkeypatch: pytest.MonkeyPatch):
    def calibrate(wanted, channel):
        raise error

    monkeypatch.setattr("unroll.running.run.calibrate", calibrate)
    recorder = Recorder()
    assert execute(tiny(*ONE), store, executor="inline", observer=recorder).complete == 1
    assert any(note.startswith("No estimate of the time") for note in recorder.notes)


def test_a_plug_in_that_ends_the_program_fails_its_trial_alone(store: Path, monkeypatch: pytest.MonkeyPatch):
    draw = Adding.dataset

    def dataset(self, streams, length):
        if length == 5 and self.test > 1:
            raise SystemExit("enough")
        return draw(self, streams, length)

    monkeypatch.setattr(Adding, "dataset", dataset)
    summary = execute(tiny(*TWO), store, executor="inline")
    assert (summary.complete, summary.failed) == (1, 1)


@pytest.mark.parametrize("where", ["checkpoint", "note", "screen"])
def test_an_error_of_store_or_screen_is_not_the_trials(
    where: str, store: Path, monkeypatch: pytest.MonkeyPatch, at_each_update: None
):
    def refuse(*arguments, **settings):
        raise StoreFullError("no space")

    recorder = Recorder()
    if where == "screen":
        recorder.progressed = refuse
    else:
        monkeypatch.setattr(Store, "save_checkpoint" if where == "checkpoint" else "event", refuse)
    if where == "note":
        begin = "unroll.running.work._Work._begin"
        monkeypatch.setattr(begin, lambda self: (self._afresh("a test"), Training(self.trial))[1])
    with pytest.raises(StoreFullError, match="no space"):
        execute(tiny(*TWO), store, executor="inline", observer=recorder)
    monkeypatch.undo()
    assert states(store) == [State.waiting, State.waiting]
    assert execute(tiny(*TWO), store, executor="inline").complete == 2


@pytest.mark.parametrize("outcome", ["surrogate", "not a number", "a reserved name", "an unknown history"])
def test_one_outcome_that_a_store_cannot_hold_ends_no_run(outcome: str, store: Path, monkeypatch: pytest.MonkeyPatch):
    make = Training._result

    def result(self, *given):
        made = make(self, *given)
        if self.trial.length == 4:
            return made
        if outcome == "surrogate":
            raise ValueError("no such file: caf\udce9.csv")
        if outcome == "an unknown history":
            made.histories["caf\udce9"] = made.histories["loss"]
        else:
            made.metrics["seed" if outcome == "a reserved name" else "odd"] = float("nan")
        return made

    monkeypatch.setattr(Training, "_result", result)
    summary = execute(tiny(*TWO), store, executor="inline")
    assert (summary.complete, summary.failed) == (1, 1)
    with Store.open(store) as opened:
        (failed,) = [trial for trial in opened.trials() if trial.state is State.failed]
        events = opened.events(trial=failed.key)
    assert failed.length == 5
    if outcome == "surrogate":
        assert failed.error["message"] == r"no such file: caf\udce9.csv"
        assert events[-1]["message"].endswith(r"caf\udce9.csv")


def test_what_no_store_can_hold_is_refused_when_it_is_planned(store: Path):
    with pytest.raises(StudyError, match=r"checkpoints of 1\.1 GiB, more than the 954 MiB that the store"):
        execute(tiny("model=lstm", "length=4", "model.hidden=5000"), store, executor="inline")
    assert not store.exists()


def no_more_than(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only so many worker processes be started."""
    start, started = subprocess.Popen, []

    def popen(command, **settings):
        if "worker_main" in str(command):
            if len(started) >= workers:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            started.append(command)
        return start(command, **settings)

    monkeypatch.setattr("unroll.executors.worker.subprocess.Popen", popen)


def test_a_worker_that_cannot_be_started_is_no_failure_of_a_trial(store: Path, monkeypatch: pytest.MonkeyPatch):
    no_more_than(1, monkeypatch)
    recorder = Recorder()
    study = tiny("length=[4, 5, 6]", "model=gru")
    summary = execute(study, store, executor="processes", workers=3, observer=recorder)
    assert (summary.complete, summary.failed) == (3, 0)
    assert [note for note in recorder.notes if "fewer workers" in note and "ulimit -n" in note]


def test_where_no_worker_can_be_started_the_run_ends_with_the_reason(store: Path, monkeypatch: pytest.MonkeyPatch):
    no_more_than(0, monkeypatch)
    with pytest.raises(WorkerStartError, match="Too many open files"):
        execute(tiny(*TWO), store, executor="processes", workers=2)
    assert states(store) == [State.waiting, State.waiting]


def test_more_workers_than_open_files_are_refused_before(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("unroll.executors.processes.resource.getrlimit", lambda _: (1024, 4096))
    with pytest.raises(ExecutorError, match=r"4,096 worker processes.*1,024"):
        Processes(4096)


def test_a_part_without_trials(store: Path):
    foresight = foresee(tiny(*TWO), store, executor="inline", part=Shard(3, 3).take)
    assert (foresight.trials, foresight.parameters) == (0, (0, 0))
    assert execute(tiny(*TWO), store, executor="inline", part=Shard(3, 3).take).complete == 0


def test_a_run_whose_store_is_deleted_stops_and_says_so(
    store: Path, monkeypatch: pytest.MonkeyPatch, at_each_update: None
):
    class Deleting(Recorder):
        def progressed(self, slot, trial, share, epoch, loss):
            store.unlink(missing_ok=True)

    monkeypatch.setattr("unroll.running.run.LOOK", 0.0)
    with pytest.raises(StoreLostError, match="was deleted"):
        execute(tiny(*TWO), store, executor="inline", observer=Deleting())
    assert list(store.parent.glob("results.db*")) == []
