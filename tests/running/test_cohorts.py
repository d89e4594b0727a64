"""Trials that differ in their seeds alone, trained together by a worker: each ends as it would alone, and is its own.

Faults planted here, each seen to be found: a message taken for the first trial's; a dead worker's trials begun again
together; trials of two conditions together; each told to stop when it looks; one's end told as another's; those whose
data have another form in one call; a plug-in's network among them; the time of all shared out among those that had
begun; a trial of a dead worker still told to be under way.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest

from benchmarks import load
from tests.kernels.oracle import needs_native
from tests.running.conftest import bits, has_checkpoint, kill_group, start, states, unroll, wait_for
from tests.running.test_coordinator import NOISE, puppet, said
from tests.running.test_run import Recorder
from unroll import Study, expand, registry
from unroll.errors import WorkerDiedError
from unroll.executors import Channel
from unroll.kernels.updates import Wanted, make
from unroll.models.gru import GRU
from unroll.running import execute, schedule
from unroll.running.calibration import Calibration, shape
from unroll.running.cohorts import fewest, most
from unroll.running.messages import Batch, Order, Outcome, Report, Resumable, Said, Start
from unroll.running.schedule import Schedule
from unroll.running.work import work
from unroll.store import State, Store
from unroll.study import Trial
from unroll.tasks import Split
from unroll.tasks.adding import Adding
from unroll.training.cohort import together

pytestmark = needs_native

__all__ = ["puppet"]  # a fixture


def study(seeds: int = 6, **more: Any) -> Study:
    parts: dict[str, dict[str, Any]] = {
        "factors": {"task": ["adding"], "model": ["gru"], "length": [8], "seed": list(range(1, seeds + 1))},
        "task": {"train": 40, "validation": 20, "test": 20},
        "model": {"hidden": 4},
        "train": {"epochs": 4, "batch": 1},
    }
    changed = {name: {**section, **more.pop(name, {})} for name, section in parts.items()}
    return Study(name="online", **changed, **more)


def trial(**more: Any) -> Trial:
    return expand(study(1, **more))[0]


@pytest.fixture
def separately(monkeypatch: pytest.MonkeyPatch):
    """Train a study without cohorts; return its bits."""

    def trained(what: Study, store: Path) -> dict:
        with monkeypatch.context() as patch:
            patch.setattr(schedule, "fewest", lambda trial: None)
            execute(what, store, executor="inline")
        return bits(store)

    return trained


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many trials a worker of this process has trained at once."""
    found: list[int] = []

    def counted(ones: list[Any]) -> Any:
        found.append(len(ones))
        return together(ones)

    monkeypatch.setattr("unroll.running.work.together", counted)
    return found


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        ({}, 5),
        ({"model": {"hidden": 8}}, 5),
        ({"model": {"hidden": 9}}, None),
        ({"model": {"layers": 2}}, None),
        ({"train": {"batch": 2}}, 13),
        ({"train": {"batch": 32}}, 16),
        ({"train": {"batch": 33}}, None),
        ({"train": {"backend": "torch"}}, None),
        ({"train": {"precision": "bf16"}}, None),
        ({"factors": {"task": ["copy"]}}, 10),
        ({"factors": {"task": ["copy"]}, "train": {"batch": 2}}, None),
        ({"factors": {"task": ["odd_numbers"], "length": [4]}}, None),
    ],
)
def test_which_trials_are_trained_together(changes: dict[str, Any], least: int | None):
    assert fewest(trial(**changes)) == least


def test_a_model_that_is_not_recurrent_is_trained_alone():
    factors: Any = {"task": ["adding"], "model": ["feedforward", "linear"], "length": [8], "seed": [1]}
    assert [fewest(one) for one in expand(Study(name="others", factors=factors))] == [None, None]


def test_a_plug_in_that_inherits_from_a_recurrent_model_is_trained_alone():
    """It may build whatever it likes, which native code does not update."""

    class Own(GRU):
        name = "own"

    registry.models.register("own", Own)
    assert fewest(trial(factors={"model": ["own"]})) is None


def test_no_more_than_their_data_have_room():
    assert most(trial()) == 16
    assert most(trial(task={"train": 10_000}, factors={"length": [2000]})) == 1


def scheduled(what: Study, workers: int, backwards: bool = False) -> Schedule:
    trials = expand(what)[:: -1 if backwards else 1]
    points = {shape(one): [(one.length, 0.01)] for one in trials}
    return Schedule(trials, Calibration(points), workers)


def test_a_worker_has_as_many_as_come_to_each():
    assert len(scheduled(study(40), 1).cohort()) == 16
    assert len(scheduled(study(40), 4).cohort()) == 10
    two = scheduled(study(32), 2)
    assert [len(two.cohort()), len(two.cohort()), len(two)] == [16, 16, 0]
    few = scheduled(study(40), 20)
    assert few.cohort() == []
    assert len(few) == 40
    assert Schedule(expand(study(40)), Calibration(), 1).cohort() == [], "nothing is known of how long they take"


def test_a_cohort_is_of_one_condition_wherever_its_trials_stand():
    made = scheduled(study(6, factors={"train.learning_rate": [0.01, 0.001]}), 1, backwards=True)
    taken = [made.cohort(), made.cohort()]
    assert [len(one) for one in taken] == [6, 6]
    assert [len({one.condition for one in trials}) for trials in taken] == [1, 1]
    for one in taken[0]:
        made.again(one)
    made.part(taken[0][:1])
    assert [len(made.cohort()), len(made.batch(1e9, 64))] == [5, 1]


def test_what_is_left_of_a_condition_takes_none_of_the_next_one():
    made = scheduled(study(19, factors={"train.learning_rate": [0.01, 0.001]}), 1)
    sizes = []
    while made:
        sizes.append(len(made.cohort()) or len(made.batch(1e9, 64)))
    assert sizes[:3] == [16, 3, 16]


@pytest.mark.parametrize("model", ["tanh_rnn", "gru", "lstm"])
def test_results_are_those_of_trials_one_by_one(model: str, tmp_path: Path, separately: Any, sizes: list[int]):
    factors = {"model": [model], "task": ["adding", "parity"]}
    what = study(7, factors=factors, train={"patience": 1, "epochs": 9, "learning_rate": 0.03})
    recorder = Recorder()
    execute(what, tmp_path / "together.db", executor="inline", observer=recorder)
    assert sizes == [7, 7]
    assert len(recorder.done) == 14
    assert bits(tmp_path / "together.db") == separately(what, tmp_path / "apart.db")


def test_in_processes(tmp_path: Path, separately: Any):
    what = study(12, factors={"model": ["gru", "lstm"]})
    execute(what, tmp_path / "together.db", executor="processes", workers=2)
    assert bits(tmp_path / "together.db") == separately(what, tmp_path / "apart.db")


def test_on_dask(tmp_path: Path, separately: Any):
    pytest.importorskip("distributed", reason='the executor dask needs pip install "unroll-lab[dask]"')
    what = study(6)
    execute(what, tmp_path / "together.db", executor="dask", workers=1)
    assert bits(tmp_path / "together.db") == separately(what, tmp_path / "apart.db")


@pytest.mark.parametrize("uneven", ["steps", "scores"])
def test_data_may_have_another_form_with_each_seed(uneven: str, tmp_path: Path, separately: Any, sizes: list[int]):
    """As many steps, or as many that are read, as the first of the drawn numbers says."""

    class Uneven(Adding):
        name = "uneven"
        uneven: str

        @property
        def readout(self) -> Literal["last", "some"]:
            return "last" if self.uneven == "steps" else "some"

        def sequences(self, generator: Any, n: int, length: int) -> Split:
            split = super().sequences(generator, n, length)
            size = 3 + int(4 * split.x[:1].sum()) % 4
            if self.uneven == "steps":
                return Split(split.x[:, :size].copy(), split.y)
            at = np.tile(np.arange(size, dtype=np.int32), (n, 1))
            return Split(split.x, np.repeat(split.y[:, None], size, axis=1), at)

    registry.tasks.register("uneven", Uneven)
    what = study(7, factors={"task": ["uneven"]}, task={"uneven": uneven})
    assert execute(what, tmp_path / "together.db", executor="inline").complete == 7
    assert sizes == [7]
    assert bits(tmp_path / "together.db") == separately(what, tmp_path / "apart.db")


def test_one_fails_and_the_others_do_not(tmp_path: Path, separately: Any, monkeypatch: pytest.MonkeyPatch):
    """Of one training a target is no number, of another the data cannot be drawn."""
    from unroll.training.loop import Training

    begin = Training.__init__

    def spoiled(self: Training, one: Trial, *arguments: Any, **options: Any) -> None:
        if one.seed == 2:
            raise RuntimeError("no data today")
        begin(self, one, *arguments, **options)
        if one.seed == 5:
            self.train.y[11] = float("nan")

    monkeypatch.setattr(Training, "__init__", spoiled)
    recorder = Recorder()
    summary = execute(study(7), tmp_path / "together.db", executor="inline", observer=recorder)
    assert (summary.complete, summary.failed) == (5, 2)
    assert {(one.seed, error["type"]) for one, error in recorder.failures} == {
        (2, "RuntimeError"),
        (5, "DivergedError"),
    }
    assert bits(tmp_path / "together.db") == separately(study(7), tmp_path / "apart.db")


def handed(orders: tuple[Order, ...], stop_after: int | None = None, seconds: float = 60.0) -> dict[str, list[Any]]:
    """Return what a worker says of each trial of a cohort; with ``stop_after``, it is told to stop after so much."""
    heard: list[Said] = []

    def hear(message: object) -> None:
        assert isinstance(message, Said)
        heard.append(message)
        if stop_after is not None and len(heard) >= stop_after:
            channel.stop()

    channel = Channel(hear, lambda question: Batch(orders, 0.0, seconds, together=True))
    assert work(None, channel)
    return {one.trial.key: [said.content for said in heard if said.key == one.trial.key] for one in orders}


def test_each_hands_in_its_own_checkpoint_all_at_one_update():
    orders = tuple(Order(one) for one in expand(study(6)))
    heard = handed(orders, seconds=0.0)
    for contents in heard.values():
        assert isinstance(contents[-1], Outcome)
        assert contents[-1].result is not None
    kept = [
        [c.checkpoint.position["done"] for c in contents if isinstance(c, Resumable)] for contents in heard.values()
    ]
    assert kept[0] == kept[-1]
    assert len(set(kept[0])) > 2
    assert {len([c for c in contents if isinstance(c, Report)]) > 0 for contents in heard.values()} == {True}


@pytest.mark.parametrize("failing", [0, 5])
def test_a_trial_reports_its_own_seconds(failing: int, monkeypatch: pytest.MonkeyPatch):
    """Each call takes a second, of which each that is in it has its share: one whose fellows have failed has all."""
    from unroll.training.loop import Training

    clock, begin = [100.0], Training.__init__

    def failed(self: Training, one: Trial, *arguments: Any, **options: Any) -> None:
        if one.seed <= failing:
            raise RuntimeError("no data today")
        begin(self, one, *arguments, **options)

    def slow(wanted: Sequence[Wanted]) -> None:
        make(wanted)
        clock[0] += 1.0

    monkeypatch.setattr(Training, "__init__", failed)
    monkeypatch.setattr("unroll.training.cohort.make", slow)
    monkeypatch.setattr("unroll.training.cohort.perf_counter", lambda: clock[0])
    for module in ("work", "looks"):
        monkeypatch.setattr(f"unroll.running.{module}.time", SimpleNamespace(monotonic=lambda: clock[0]))
    heard = handed(tuple(Order(one) for one in expand(study(6))))
    last = [[c for c in contents if isinstance(c, Report)][-1:] for contents in heard.values()]
    assert sum(report.seconds for reports in last for report in reports) == pytest.approx(clock[0] - 100.0)


def test_stopped_they_go_on_together(separately: Any, tmp_path: Path):
    trials = expand(study(6))
    stopped = handed(tuple(Order(one) for one in trials), stop_after=20)
    ends = [contents[-2:] for contents in stopped.values()]
    assert all(outcome.result is None and outcome.error is None for _, outcome in ends)
    assert len({kept.checkpoint.position["done"] for kept, _ in ends}) == 1
    again = tuple(Order(one, kept.checkpoint, kept.numerics) for one, (kept, _) in zip(trials, ends, strict=True))
    found = {key: contents[-1].result.digest for key, contents in handed(again).items()}
    assert found == {key: digest for key, (digest, *_) in separately(study(6), tmp_path / "apart.db").items()}


LONG = """
name = "long"
[factors]
task = ["adding"]
model = ["gru"]
length = [40]
seed = [1, 2, 3, 4, 5, 6]
[task]
train = 2000
validation = 100
test = 100
[model]
hidden = 8
[train]
epochs = 40
batch = 1
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_or_killed_goes_on(number: int, tmp_path: Path, store: Path, separately: Any):
    path = tmp_path / "long.toml"
    path.write_text(LONG)
    run = start("run", path, "--store", store, "--workers", 1)
    try:
        wait_for(lambda: has_checkpoint(store), what="a checkpoint")
        os.killpg(run.pid, number)
        run.communicate(timeout=30)
    finally:
        kill_group(run)
    assert "waiting" in states(store) or "running" in states(store)
    assert unroll("run", path, "--store", store, "--executor", "inline").returncode == 0
    assert bits(store) == separately(study_of(path), tmp_path / "apart.db")


def study_of(path: Path) -> Study:
    from unroll import read_study

    return read_study(path)


def under_way(store: Path, name: str, seeds: int) -> tuple[Any, Recorder, dict[str, Any]]:
    recorder = Recorder()
    summary = execute(study(seeds), store, executor=name, observer=recorder)
    with Store.open(store) as opened:
        return summary, recorder, {one.key: one for one in opened.trials()}


def test_a_death_is_charged_to_none_of_several_and_they_go_on_one_by_one(store: Path, puppet: Any):
    batches = []

    def play(number: int, channel: Any, future: Any) -> None:
        batch = channel.ask(Start(str(number)))
        batches.append((batch.together, len(batch.orders)))
        if batch.together or batch.orders[0].trial.seed == 3:  # whatever it was
            channel.send(said(str(number), batch.orders[-1].trial, Report(5, 10, 0, 1.0, 1, 0.5)))
            future.set_exception(WorkerDiedError("killed"))
            return
        for order in batch.orders:
            channel.send(said(str(number), order.trial, load.done(order.trial, NOISE)))
        future.set_result(True)

    summary, recorder, trials = under_way(store, puppet(play), 6)
    assert (summary.complete, summary.failed) == (5, 1)
    assert batches[0] == (True, 6)
    assert not any(together for together, _ in batches[1:])
    assert [one.attempts for one in trials.values() if one.state is State.failed] == [3]
    assert {one.attempts for one in trials.values() if one.state is State.complete} == {2}
    assert any("and 5 others trained with it are begun again, one by one: killed" in note for note in recorder.notes)


class Busy(Recorder):
    """What each slot is told to be doing; no trial is twice among it."""

    def __init__(self) -> None:
        super().__init__()
        self.slots: dict[int, set[str]] = {}
        self.most = 0

    def started(self, slot: int, trial: Trial) -> None:
        assert trial.key not in set().union(*self.slots.values())
        self.slots.setdefault(slot, set()).add(trial.key)
        self.most = max(self.most, len(self.slots[slot]))

    def put_back(self, slot: int, trial: Trial) -> None:
        self.slots[slot].remove(trial.key)

    def completed(self, slot: int, trial: Trial, metrics: Any, seconds: float) -> None:
        super().completed(slot, trial, metrics, seconds)
        self.slots[slot].remove(trial.key)

    def failed(self, slot: int, trial: Trial, error: Any) -> None:
        super().failed(slot, trial, error)
        self.slots[slot].remove(trial.key)


def test_a_slot_is_told_to_do_what_it_does(store: Path, puppet: Any):
    """Of a cohort two are done, then its worker dies; the first of those that are left is stopped once."""

    def play(number: int, channel: Any, future: Any) -> None:
        batch = channel.ask(Start(str(number)))
        for order in batch.orders[: 2 if batch.together else None]:
            stopped = number == 1 and order is batch.orders[0]
            outcome = Outcome({}, {}) if stopped else load.done(order.trial, NOISE)
            channel.send(said(str(number), order.trial, outcome))
        if batch.together:
            future.set_exception(WorkerDiedError("killed"))
        else:
            future.set_result(True)

    busy = Busy()
    assert execute(study(6), store, executor=puppet(play), observer=busy).complete == 6
    assert busy.most == 6
    assert not any(busy.slots.values())


def test_messages_come_in_any_order(store: Path, puppet: Any):
    """The last is done first; one is put back."""
    seen = []

    def play(number: int, channel: Any, future: Any) -> None:
        batch = channel.ask(Start(str(number)))
        with Store.open(store) as opened:
            seen.append({str(one.state) for one in opened.trials() if one.key in {o.trial.key for o in batch.orders}})
        for order in batch.orders[::-1]:
            channel.send(said(str(number), order.trial, Report(5, 10, 0, 1.0, 1, 0.5)))
        for order in batch.orders[::-1]:
            stopped = number == 1 and order.trial.seed == 4
            outcome = load.done(order.trial, NOISE)
            outcome.result.metrics["odd"] = float(order.trial.seed)
            channel.send(said(str(number), order.trial, Outcome({}, {}) if stopped else outcome))
        future.set_result(True)

    summary, _, trials = under_way(store, puppet(play), 6)
    assert (summary.complete, summary.failed) == (6, 0)
    assert seen[0] == {"running"}
    assert {one.spec["seed"]: (one.metrics["odd"], one.attempts) for one in trials.values()} == {
        seed: (seed, 1 + (seed == 4)) for seed in range(1, 7)
    }
