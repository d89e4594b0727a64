"""What the coordinator makes of workers that answer in any way, simulated: nothing is trained here.

Planted and found: a second start that is given the work too; messages of a start that was given up taken; a trial told
complete before its commit; one bad result that takes its neighbours with it; all of a batch charged with a death.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest

from benchmarks import load
from tests.running.test_run import Recorder
from unroll import expand, registry
from unroll.errors import WorkerDiedError, WorkerStartError
from unroll.executors import Executor
from unroll.running import execute
from unroll.running.calibration import calibrate
from unroll.running.messages import Outcome, Report, Said, Start
from unroll.store import State, Store

PATIENCE = 30.0
NOISE = np.random.default_rng(2)


class Puppet(Executor):
    """Does with the n-th submission, from 1, what ``play(n, channel, future)`` does, in a thread of its own."""

    play = staticmethod(lambda number, channel, future: None)
    slots = 1
    why = ""

    def __init__(self, workers=None):
        self.number, self.threads = 0, []

    def submit(self, call, item, channel):
        future = Future()
        if call is calibrate:
            future.set_result(load.measured(item))
            return future
        self.number += 1
        self.threads.append(threading.Thread(target=self.play, args=(self.number, channel, future), daemon=True))
        self.threads[-1].start()
        return future

    def shutdown(self, *, now=False):
        for thread in self.threads:
            thread.join(PATIENCE)

    def describe(self):
        return "puppets"

    def waiting(self):
        return self.why


@pytest.fixture
def puppet(monkeypatch):
    """Register Puppet, and give it one slot and what to play."""

    def made(play, slots=1):
        monkeypatch.setattr(Puppet, "play", staticmethod(play))
        monkeypatch.setattr(Puppet, "slots", slots)
        return "puppet"

    monkeypatch.setattr(registry.executors, "_registered", {})
    registry.executors.register("puppet", Puppet)
    return made


@pytest.fixture
def one_by_one(monkeypatch):
    monkeypatch.setattr("unroll.running.run.BATCH_TRIALS", 1)


@pytest.fixture
def in_turn(monkeypatch):
    """Let no trials be trained together; see ``test_cohorts``."""
    monkeypatch.setattr("unroll.running.schedule.fewest", lambda trial: None)


def run(store, seeds, name, **options):
    recorder = Recorder()
    summary = execute(load.study(2, seeds, (5,)), store, executor=name, observer=recorder, **options)
    with Store.open(store) as opened:
        return summary, recorder, {trial.key: trial for trial in opened.trials()}, opened.events()


def said(start, trial, content):
    return Said(start, trial.key, content)


def finishing(number, channel, future):
    """Do all that there is."""
    batch = channel.ask(Start(f"start {number}"))
    for order in batch.orders:
        channel.send(said(f"start {number}", order.trial, load.done(order.trial, NOISE)))
    future.set_result(True)


def test_a_second_start_is_sent_away_and_the_first_taken_for_lost(store, puppet):
    taken = []

    def play(number, channel, future):
        if number > 1:
            finishing(number, channel, future)
            return
        batch = channel.ask(Start("first"))
        trial = batch.orders[0].trial
        assert channel.ask(Start("second")) is None
        assert channel.ask(Start("third")) is None
        channel.send(said("second", trial, load.done(trial, NOISE)))  # it should have left
        taken.append(trial.key)
        future.set_result(False)

    summary, recorder, trials, events = run(store, 1, puppet(play))
    assert (summary.complete, summary.failed) == (2, 0)
    assert trials[taken[0]].attempts == 2
    assert [note for note in recorder.notes if "is begun again (2 of 3): Its worker was lost" in note]
    assert [event["kind"] for event in events if event["kind"] == "late"] == ["late"]


def test_what_a_lost_worker_sends_later_is_not_taken(store, puppet, one_by_one):
    late = threading.Event()
    first = {}

    def play(number, channel, future):
        if number == 1:
            first["trial"] = channel.ask(Start("lost")).orders[0].trial
            channel.send(said("lost", first["trial"], Report(5, 10, 0, 1.0, 1, 0.5)))
            first["channel"] = channel
            future.set_exception(WorkerDiedError("gone"))
        elif number == 2:
            finishing(number, channel, future)
        else:  # the one that was done again is stored by now
            for _ in range(2):
                first["channel"].send(said("lost", first["trial"], load.done(first["trial"], NOISE)))
            late.set()
            time.sleep(0.3)
            finishing(number, channel, future)

    summary, recorder, _, events = run(store, 1, puppet(play))
    assert late.is_set()
    assert (summary.complete, summary.failed) == (2, 0)
    kinds = [event["kind"] for event in events if event["trial"] == first["trial"].key]
    assert kinds == ["started", "released", "started", "finished", "late", "contradiction", "contradiction"]
    assert any("came to two results" in note for note in recorder.notes)


@pytest.mark.parametrize(("begun", "times"), [(True, 3), (False, 10)])
def test_deaths_are_counted_by_whether_work_had_begun(begun, times, store, puppet):
    deadly = []

    def play(number, channel, future):
        if begun or number > times:
            batch = channel.ask(Start(str(number)))
            deadly[1:] = []
            deadly.append(batch.orders[0].trial.key)
            if number > times:
                for order in batch.orders:
                    channel.send(said(str(number), order.trial, load.done(order.trial, NOISE)))
                future.set_result(True)
                return
        future.set_exception(WorkerDiedError("killed"))

    summary, recorder, trials, _ = run(store, 1, puppet(play))
    assert (summary.complete, summary.failed) == (1, 1)
    (failed,) = [trial for trial in trials.values() if trial.state is State.failed]
    assert failed.attempts == times
    assert failed.error["type"] == "WorkerDiedError"
    assert f"({times} of {times})" in recorder.notes[-1]


def test_a_death_costs_the_trial_under_way_alone(store, puppet, in_turn):
    batches = []

    def play(number, channel, future):
        batch = channel.ask(Start(str(number)))
        batches.append([order.trial.key for order in batch.orders])
        if number > 1:
            for order in batch.orders:
                channel.send(said(str(number), order.trial, load.done(order.trial, NOISE)))
            future.set_result(True)
            return
        assert len(batch.orders) >= 3
        for order in batch.orders[:2]:
            channel.send(said(str(number), order.trial, load.done(order.trial, NOISE)))
        future.set_exception(WorkerDiedError("killed"))

    summary, _, trials, _ = run(store, 20, puppet(play))
    assert (summary.complete, summary.failed) == (40, 0)
    assert batches[1][: len(batches[0]) - 2] == batches[0][2:][: len(batches[1])], "it goes on where that one was"
    assert {key: trial.attempts for key, trial in trials.items() if trial.attempts != 1} == {batches[0][2]: 2}


def test_a_bad_result_costs_its_neighbours_nothing(store, puppet):
    def play(number, channel, future):
        batch = channel.ask(Start(str(number)))
        for order in batch.orders:
            outcome = load.done(order.trial, NOISE)
            if order.trial.seed % 3 == 1:
                outcome.result.metrics["odd"] = float("nan")
            channel.send(said(str(number), order.trial, outcome))
        future.set_result(True)

    summary, _, trials, _ = run(store, 30, puppet(play, 3))
    assert (summary.complete, summary.failed) == (40, 20)
    assert all((trial.state is State.failed) == (trial.seed % 3 == 1) for trial in trials.values())
    with Store.open(store) as opened:
        assert opened.verify().verified == 60


def test_nothing_is_told_before_it_is_committed(store, puppet):
    class Looks(Recorder):
        def completed(self, slot, trial, metrics, seconds):
            super().completed(slot, trial, metrics, seconds)
            with Store.open(store) as reader:
                assert reader.trial(trial.key).state is State.complete

        def started(self, slot, trial):
            with Store.open(store) as reader:
                assert reader.trial(trial.key).state is not State.waiting

    recorder = Looks()
    assert execute(load.study(10, 4), store, executor=puppet(finishing, 2), observer=recorder).complete == 40
    assert len(recorder.done) == 40


def test_slots_come_and_go(store, puppet, monkeypatch, one_by_one):
    monkeypatch.setattr("unroll.running.run.UNWATCHED_SECONDS", 0.0)
    monkeypatch.setattr(Puppet, "why", "Slurm: PENDING, Priority")
    running, most = set(), []
    lock = threading.Lock()

    def play(number, channel, future):
        with lock:
            running.add(number)
            most.append((len(running), Puppet.slots))
        time.sleep(0.01)
        if number == 30:
            Puppet.slots = 1
        with lock:
            running.remove(number)
        finishing(number, channel, future)

    slots = {}

    class Sees(Recorder):
        def started(self, slot, trial):
            slots[trial.key] = slot

        def note(self, text):
            super().note(text)
            Puppet.slots = Puppet.slots or 3

    name = puppet(play, 0)
    recorder = Sees()
    assert execute(load.study(10, 6), store, executor=name, observer=recorder).complete == 60
    assert "Waiting for the first worker (Slurm: PENDING, Priority)." in recorder.notes
    assert max(count for count, _ in most) > 1
    assert [count for count, now in most[40:] if now == 1] == [1] * len(most[40:])
    assert set(slots.values()) <= {0, 1, 2}


def test_workers_that_cannot_start_are_done_without_until_others_come(store, puppet):
    def play(number, channel, future):
        if number == 1:
            future.set_exception(WorkerStartError("no memory"))
        else:
            finishing(number, channel, future)

    assert run(store, 1, puppet(play, 2))[0].complete == 2

    def never(number, channel, future):
        future.set_exception(WorkerStartError("no memory"))

    with pytest.raises(WorkerStartError, match="no memory"):
        run(store.with_name("other.db"), 1, puppet(never, 2))


def test_one_that_could_not_start_is_not_counted_when_it_has_left(store, puppet, monkeypatch, one_by_one):
    def play(number, channel, future):
        if number == 1:
            future.set_exception(WorkerStartError("no memory"))
        else:
            finishing(number, channel, future)

    class Leaves(Recorder):
        def note(self, text):
            super().note(text)
            if "Going on with fewer workers" in text:
                Puppet.slots = 1

    name = puppet(play, 2)
    assert execute(load.study(2, 2, (5,)), store, executor=name, observer=Leaves()).complete == 4


def test_what_an_executor_has_to_say_is_told_once(store, puppet, monkeypatch):
    said = ["A worker is not used."]
    monkeypatch.setattr(Puppet, "news", lambda self: [said.pop()] if said else [], raising=False)
    recorder = Recorder()
    assert execute(load.study(2, 1, (5,)), store, executor=puppet(finishing), observer=recorder).complete == 2
    assert recorder.notes.count("A worker is not used.") == 1


def test_a_stop_in_the_middle_of_a_batch(store, puppet, in_turn):
    handed = []

    def play(number, channel, future):
        batch = channel.ask(Start(str(number)))
        handed.extend(order.trial.key for order in batch.orders)
        first, second = (order.trial for order in batch.orders[:2])
        channel.send(said(str(number), first, load.done(first, NOISE)))
        channel.send(said(str(number), second, Report(1, 10, 0, 1.0, 0, 1.0)))
        os.kill(os.getpid(), signal.SIGINT)
        end = time.monotonic() + PATIENCE
        while not channel.stopping and time.monotonic() < end:
            time.sleep(0.001)
        channel.send(said(str(number), second, Outcome({}, {})))
        future.set_result(True)

    summary, _, trials, events = run(store, 20, puppet(play))
    assert summary.signal == signal.SIGINT
    assert summary.complete == 1
    assert {trial.state for trial in trials.values()} == {State.complete, State.waiting}
    assert {trial.attempts for key, trial in trials.items() if key not in handed[:2]} == {0}
    assert [event["kind"] for event in events if event["trial"] == handed[1]] == ["started", "released"]


def test_many_workers_report_and_save_seldom(store, puppet, monkeypatch):
    seen = set()

    def play(number, channel, future):
        batch = channel.ask(Start(str(number)))
        seen.add((batch.report_seconds, batch.checkpoint_seconds))
        for order in batch.orders:
            channel.send(said(str(number), order.trial, load.done(order.trial, NOISE)))
        future.set_result(True)

    run(store, 1, puppet(play, 1))
    run(store.with_name("other.db"), 1, puppet(play, 2000))
    assert seen == {(0.2, 30.0), (4.0, 60.0)}


def test_a_thousand_trials_and_their_report(tmp_path):
    """What ``benchmarks.load`` does with a hundred times as many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry.executors, "_registered", {})
        found = load.measure(20, 50, tmp_path)
    assert found["trials"] == 1_000
    assert 8_000_000 < found["bytes of the store"] < 40_000_000
    assert len(expand(load.study(20, 50))) == 1_000
