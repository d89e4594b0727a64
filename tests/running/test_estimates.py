"""What a run is said to take: measured on no more data than a trial has, never below its longest trial, or unknown.

Faults planted here, each seen to be found: two batches drawn where the data are fewer; the evaluations counted in
batches that no trial has; no lower bound by the longest trial, where it waits in the middle of a queue; the middle of a
queue put on one worker; a cohort timed as one trial alone; its data counted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.oracle import needs_native
from tests.templates import filled_in
from unroll import Study, expand, read_study
from unroll.executors import Channel
from unroll.kernels.updates import Wanted, make
from unroll.running import calibration
from unroll.running.calibration import FORWARD, SETUP, Calibration, calibrate, samples, shape
from unroll.running.cohorts import memory_needed
from unroll.running.schedule import SIMULATED, Schedule
from unroll.running.sizes import data_bytes
from unroll.running.work import Report
from unroll.study import Trial

FACTORS: dict[str, Any] = {"task": ["adding"], "model": ["gru"], "length": [3], "seed": [1]}


def study(**parts: Any) -> Study:
    usual: dict[str, Any] = {"factors": FACTORS, "task": {"train": 8, "test": 8}, "model": {"hidden": 2}}
    return Study(name="a", **{**usual, **parts})


def drawn(trial: Trial) -> int:
    """Return how many sequences the measurement of a trial draws; nothing is trained."""
    seen = []

    class Watched:
        def __init__(self, copy: Trial, look: float):
            seen.append(copy.task_settings["train"])
            raise RuntimeError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "Training", Watched)
        calibrate(samples([trial], {}, 1), Channel(lambda message: None))
    return seen[0]


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 10_000_000),
    train=st.integers(1, 100_000_000),
    length=st.integers(5, 12),
    task=st.sampled_from(["adding", "sine"]),
)
def test_the_measurement_draws_few_and_never_more_than_the_data(batch: int, train: int, length: int, task: str) -> None:
    factors = {"task": [task], "model": ["gru"], "length": [length], "seed": [1]}
    (trial,) = expand(Study(name="a", factors=factors, task={"train": train}, train={"batch": batch}))
    assert drawn(trial) == min(max(2 * batch, calibration.DRAWN), train)


@pytest.mark.parametrize("name", ["digits", "your-text", "your-series"])
def test_of_data_that_are_given_with_a_validation_part_updates_are_timed(name: str, tmp_path: Path) -> None:
    """Between its updates a training looks at the validation part, and makes none meanwhile."""
    wanted = samples(expand(read_study(name, filled_in(name, tmp_path))), {}, 1)
    found = calibrate(wanted, Channel(lambda message: None)).points
    assert found, "at least one is timed, however slow this machine is"
    assert all(0 < seconds < 1 for points in found.values() for _, seconds in points)


def test_an_evaluation_counts_in_updates_as_they_were_measured() -> None:
    (trial,) = expand(study(task={"train": 8, "validation": 16, "test": 32}, train={"batch": 1000, "epochs": 5}))
    second = Calibration({shape(trial): [(3, 1.0)]})
    assert second.cost(trial) == pytest.approx(SETUP + 5 + FORWARD * (5 * 2 + 4))


@needs_native
@pytest.mark.parametrize(("workers", "together"), [(1, 16), (4, 10), (20, 1)])
def test_a_cohort_is_measured_as_it_will_be_trained(
    workers: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an update takes a second of however many, each of a cohort has its share."""
    trials = expand(study(factors={**FACTORS, "seed": list(range(40))}, train={"batch": 1}))
    clock, sizes = [100.0], []

    def slow(wanted: Sequence[Wanted]) -> None:
        make(wanted)
        sizes.append(len(wanted))
        clock[0] += len(wanted[0].made().losses)

    monkeypatch.setattr("unroll.training.cohort.make", slow)
    monkeypatch.setattr(calibration, "time", SimpleNamespace(perf_counter=lambda: clock[0], monotonic=lambda: clock[0]))
    measured = calibrate(samples(trials, {}, workers), Channel(lambda message: None))
    assert set(sizes) == {together}
    assert measured.update_seconds(trials[0]) == pytest.approx(1 / together)


@needs_native
def test_a_worker_needs_memory_for_its_whole_cohort() -> None:
    trials = expand(study(factors={**FACTORS, "seed": list(range(40))}, train={"batch": 1}, task={"train": 50_000}))
    parameters = {trial.key: 30 for trial in trials}
    alone, together = memory_needed(trials[:1], parameters, 1), memory_needed(trials, parameters, 1)
    assert together - alone > 15 * data_bytes(trials[0])
    assert memory_needed(trials, parameters, 40) == 40 * alone
    assert memory_needed(trials, parameters, 0) == 0


class Told(Calibration):
    """Trials cost what their place in the study says."""

    def __init__(self, costs: list[float]):
        super().__init__()
        object.__setattr__(self, "costs", costs)

    def measured(self, trials: Any) -> bool:
        return True

    def cost(self, trial: Trial) -> float:
        return self.costs[trial.seed]  # type: ignore[attr-defined,no-any-return]


def left(costs: list[float], workers: int, taken: int = 0) -> float:
    (one,) = expand(study())
    schedule = Schedule([one.replace(seed=seed) for seed in range(len(costs))], Told(costs), workers)
    for _ in range(taken):
        schedule.next()
    seconds = schedule.seconds_left()
    assert seconds is not None
    return seconds


def test_one_long_trial_among_a_hundred_short_ones() -> None:
    assert left([36_000.0, *[60.0] * 100], workers=8) == pytest.approx(36_000)
    assert 3000 <= left([60.0] * (8 * 50), workers=8) <= 3060


def test_a_trial_that_turns_out_long_counts_wherever_it_waits() -> None:
    """By its expected time it stands in the middle of the queue; its kind was seen to take a thousand times as long."""
    (one,) = expand(study())
    costs = [*[60.0] * 150, 50.0, 70.0, *[40.0] * 150]
    trials = [one.replace(seed=seed, length=4 if seed in (150, 151) else 3) for seed in range(len(costs))]
    schedule = Schedule(trials, Told(costs), 8)
    for length, cost, slower in ((4, 70.0, 1000.0), (3, 60.0, 1.0)):
        trial = schedule.next()
        assert trial.length == length
        schedule.report(trial, Report(10, 100, 0, 0.1 * cost * slower, 0, 1.0))
        schedule.end(trial)
    assert schedule.seconds_left() == pytest.approx(50_000)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), workers=st.integers(1, 50))
def test_the_time_left_is_between_what_is_needed_and_what_no_greedy_order_exceeds(
    data: st.DataObject, workers: int
) -> None:
    """Graham's bounds: at least the longest trial and the even share of all work, at most both together."""
    costs = data.draw(st.lists(st.floats(0.1, 1e5) | st.sampled_from([1.0, 60.0, 36_000.0]), min_size=1, max_size=40))
    costs *= data.draw(st.sampled_from([1, 2, 4 * SIMULATED // len(costs) + 1]))
    taken = data.draw(st.integers(0, min(workers, len(costs))))
    seconds = left(costs, workers, taken)
    longest, even = max(costs), sum(costs) / workers
    assert max(longest, even) * (1 - 1e-9) <= seconds <= (longest + even) * (1 + 1e-9)


def test_more_workers_than_cores_share_them():
    (one,) = expand(study())
    trials = [one.replace(seed=seed) for seed in range(8)]
    alone = Schedule(trials, Told([60.0] * 8), 2, cores=2).seconds_left()
    crowded = Schedule(trials, Told([60.0] * 8), 8, cores=2).seconds_left()
    assert alone == crowded == pytest.approx(240)
    assert Schedule(trials, Told([60.0] * 8), 8, cores=8).seconds_left() == pytest.approx(60)
