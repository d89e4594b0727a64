"""Trainings that are made together end with the bits of each alone: results, histories, checkpoints, errors.

Faults planted here, each seen to be found: the time in which others were trained counted; the time of a call counted
whole for each.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from tests.kernels.oracle import needs_native
from unroll import Study, expand
from unroll.errors import DivergedError
from unroll.kernels.updates import Wanted
from unroll.study import Trial
from unroll.training import Checkpoint, Result, Training, single_thread
from unroll.training import cohort as cohorts
from unroll.training.cohort import Answer, alone, together

pytestmark = needs_native

CASES = {
    "adding": {},
    "latch": {"fresh": True},
    "delay": {"lags": 4},
    "order": {},
    "parity": {},
    "copy": {"loss": "all"},
    "odd_numbers": {"min_terms": 14, "max_terms": 18},
}
LENGTHS = {"latch": 20, "delay": 15, "order": 12}


def trials(model: str, task: str, seeds: int, **train: Any) -> list[Trial]:
    protocol: Any = "notebook" if task == "adding" and model == "gru" else "keyed"
    longer = {"lengths": [19, 30]} if task == "parity" else {}
    study = Study(
        name="some",
        protocol=protocol,
        factors={"task": [task], "model": [model], "length": [LENGTHS.get(task, 9)], "seed": list(range(1, seeds + 1))},
        task={"train": 60, "validation": 20, "test": 30, **CASES[task]},
        model={"hidden": 7},
        train={"epochs": 3, "batch": 7, **train},
        **({"test": longer} if longer else {}),
    )
    return list(expand(study))


Told = tuple[Result | BaseException | None, Checkpoint | None, dict[str, np.ndarray]]


def following(training: Training, stop: int | None = None) -> Generator[Wanted, Answer | None, Told]:
    """Train up to an update, and freeze there; or to the end, and return what came of it."""
    steps, answer = training.steps(), None
    while True:
        try:
            told = steps.send(answer)
        except StopIteration as end:
            return end.value, None, training.histories_so_far()
        except DivergedError as error:
            return error, None, training.histories_so_far()
        answer = None
        if isinstance(told, Wanted):
            answer = yield told
        elif stop is not None and training.done >= stop:
            return None, training.freeze(), training.histories_so_far()


def one_by_one(trainings: list[Training], stop: int | None = None) -> list[Told]:
    with single_thread():
        return [_end(alone(following(training, stop))) for training in trainings]


def in_step(trainings: list[Training], stop: int | None = None) -> list[Told]:
    with single_thread():
        found = dict(together([following(training, stop) for training in trainings]))
    return [found[place] for place in range(len(trainings))]


def _end(steps: Generator[Any, None, Told]) -> Told:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def same(one: Told, other: Told) -> None:
    (result, frozen, histories), (other_result, other_frozen, other_histories) = one, other
    assert type(result) is type(other_result)
    if isinstance(result, Result) and isinstance(other_result, Result):
        assert result.digest == other_result.digest
        assert {name: found.digest for name, found in result.measured.items()} == {
            name: found.digest for name, found in other_result.measured.items()
        }
    elif result is not None:
        assert str(result) == str(other_result)
    if frozen is not None:
        assert other_frozen is not None
        where = [
            {n: v for n, v in one.position.items() if n in ("done", "epoch", "epoch_loss")}
            for one in (frozen, other_frozen)
        ]
        assert where[0] == where[1]
    assert histories.keys() == other_histories.keys()
    for name in histories.keys() - {"seconds"}:
        assert histories[name].tobytes() == other_histories[name].tobytes(), name


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many trainings each call was of."""
    counts: list[int] = []
    make = cohorts.make

    def counted(wanted: Any) -> None:
        counts.append(len(wanted))
        make(wanted)

    monkeypatch.setattr(cohorts, "make", counted)
    return counts


@pytest.mark.parametrize("task", CASES)
@pytest.mark.parametrize("model", ["tanh_rnn", "gru", "lstm"])
@pytest.mark.parametrize("look", [0.0, 0.05])
def test_results_are_those_of_trainings_one_by_one(model: str, task: str, look: float, calls: list[int]):
    optimizer = {"tanh_rnn": "rmsprop", "gru": "adam", "lstm": "sgd"}[model]
    wanted = trials(model, task, 5, optimizer=optimizer, clip_norm=0.5, schedule="cosine")
    found = in_step([Training(trial, look=look) for trial in wanted])
    assert set(calls) == {5} or task == "odd_numbers"  # of which each seed leaves out other sequences
    for one, other in zip(found, one_by_one([Training(trial) for trial in wanted]), strict=True):
        assert isinstance(one[0], Result)
        same(one, other)


def test_each_stops_early_when_its_own_patience_ends(calls: list[int]):
    wanted = trials("lstm", "adding", 6, epochs=40, patience=2, learning_rate=0.05)
    found = in_step([Training(trial, look=0.05) for trial in wanted])
    assert len({result.metrics["epochs_trained"] for result, _, _ in found if isinstance(result, Result)}) > 2
    assert {6, 1} <= set(calls)
    for one, other in zip(found, one_by_one([Training(trial) for trial in wanted]), strict=True):
        same(one, other)


def test_one_that_diverges_fails_alone(monkeypatch: pytest.MonkeyPatch):
    wanted = trials("tanh_rnn", "adding", 4, epochs=10)

    def made(look: float = 0.0) -> list[Training]:
        trainings = [Training(trial, look=look) for trial in wanted]
        trainings[2].train.y[17] = np.inf
        return trainings

    found = in_step(made(look=0.05))
    assert [type(result) for result, _, _ in found] == [Result, Result, DivergedError, Result]
    for one, other in zip(found, one_by_one(made()), strict=True):
        same(one, other)


@pytest.mark.parametrize("again", [in_step, one_by_one])
def test_frozen_together_they_go_on_together_or_alone(again: Any, calls: list[int]):
    wanted = trials("gru", "order", 4, epochs=4, optimizer="adamw", weight_decay=0.01)
    stopped = in_step([Training(trial) for trial in wanted], stop=13)
    for one, other in zip(stopped, one_by_one([Training(trial) for trial in wanted], stop=13), strict=True):
        same(one, other)
    found = again([Training(trial, frozen) for trial, (_, frozen, _) in zip(wanted, stopped, strict=True)])
    for one, other in zip(found, one_by_one([Training(trial) for trial in wanted]), strict=True):
        same(one, other)


def test_those_at_another_update_are_trained_beside_them(calls: list[int]):
    """Where they ask for another number of sequences, as at the end of their epoch, they are in another call."""
    wanted = trials("lstm", "parity", 5, epochs=4)
    stops = [4, 11, 4, 11, 4]
    frozen = [one_by_one([Training(trial)], stop)[0][1] for trial, stop in zip(wanted, stops, strict=True)]
    calls.clear()
    found = in_step([Training(trial, one) for trial, one in zip(wanted, frozen, strict=True)])
    assert set(calls) == {2, 3, 5}
    for one, other in zip(found, one_by_one([Training(trial) for trial in wanted]), strict=True):
        same(one, other)


def test_one_that_is_trained_in_python_is_trained_beside_them():
    wanted = trials("lstm", "parity", 3)
    train = wanted[1].train.model_copy(update={"backend": "torch"})
    wanted[1] = wanted[1].replace(train=train)
    found = in_step([Training(trial) for trial in wanted])
    for one, other in zip(found, one_by_one([Training(trial) for trial in wanted]), strict=True):
        same(one, other)


def test_time_is_shared_out(monkeypatch: pytest.MonkeyPatch):
    """Of a call of a second, four trainings have a quarter each, and nothing of what the others do besides."""
    clock = [100.0]

    def slow(wanted: Any) -> None:
        make(wanted)
        clock[0] += 1.0

    make = cohorts.make
    monkeypatch.setattr(cohorts, "make", slow)
    for module in ("cohort", "loop"):
        monkeypatch.setattr(f"unroll.training.{module}.perf_counter", lambda: clock[0])
    found = in_step([Training(trial) for trial in trials("gru", "adding", 4)])
    for result, _, _ in found:
        assert isinstance(result, Result)
        assert np.allclose(result.histories["seconds"], 9 / 4)


def test_all_leave_what_they_have_entered_where_one_ends_them_all():
    entered: list[int] = []

    def training(place: int) -> Generator[Wanted, Answer | None, None]:
        entered.append(place)
        try:
            if place == 2:
                raise KeyboardInterrupt
            yield Training(trials("gru", "adding", 1)[0]).steps().send(None)  # type: ignore[misc]
        finally:
            entered.remove(place)

    with pytest.raises(KeyboardInterrupt):
        list(together([training(place) for place in range(4)]))
    assert entered == []
