"""The order of trials and the time that is left.

Faults planted here, each seen to be found: the resumed share counted as trained in this run; the ratio of one kind of
trial applied to all; trials left in the order of the file; a trial that goes on from a shorter training taken for one
from the beginning, while it waits or until its first report.
"""

from __future__ import annotations

import random

import pytest

from unroll import expand, read_study
from unroll.running.calibration import FORWARD, SETUP, Calibration, samples, shape
from unroll.running.schedule import Schedule
from unroll.running.work import Report

TRIALS = expand(read_study("adding-notebook"))
SECONDS = {"tanh_rnn": 1e-4, "lstm": 4e-4, "gru": 5e-4}


def calibration(wrong: float = 1.0) -> Calibration:
    """A machine on which an update takes a fixed time a step, measured ``wrong`` times too long."""
    points = {
        shape(trial): [(length, wrong * SECONDS[trial.model] * length) for length in (10, 100)] for trial in TRIALS
    }
    return Calibration(points)


def test_a_trial_costs_its_updates_and_evaluations():
    trial = next(t for t in TRIALS if t.model == "lstm" and t.length == 200)
    expected = (50 * 157 + FORWARD * 32) * 4e-4 * 200
    assert calibration().cost(trial) == pytest.approx(SETUP + expected)


def test_time_between_and_beyond_the_measured_lengths_is_on_their_line():
    trial = TRIALS[0]
    bent = Calibration({shape(trial): [(10, 0.002), (100, 0.011)]})
    costs = [bent.update_seconds(trial.replace(length=length)) for length in (10, 55, 100, 500)]
    assert costs == pytest.approx([0.002, 0.0065, 0.011, 0.051])
    single = Calibration({shape(trial): [(10, 0.002)]})
    assert single.update_seconds(trial.replace(length=20)) == pytest.approx(0.004)
    assert Calibration().update_seconds(trial) > 0


def test_of_each_shape_a_short_and_a_long_trial_are_measured():
    chosen = [trial for (trial,) in samples(TRIALS, {}, 1).cohorts]
    assert sorted((t.model, t.length) for t in chosen) == sorted(
        (model, length) for model in SECONDS for length in (10, 100)
    )


def test_the_longest_comes_first():
    schedule = Schedule(TRIALS, calibration(), 2)
    order = [schedule.next() for _ in range(len(TRIALS))]
    assert [(t.model, t.length) for t in order[:3]] == [("gru", 500)] * 3
    assert (order[-1].model, order[-1].length) == ("tanh_rnn", 10)


@pytest.mark.parametrize("wrong", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_after_a_tenth_of_the_work_the_time_left_is_known_within_a_quarter(wrong: float, workers: int):
    """Simulate a whole run with noise; the calibration is off by a factor, as on a machine that was busy."""
    noise = random.Random(1)
    true = {t.key: calibration().cost(t) * noise.uniform(0.9, 1.1) for t in TRIALS}
    schedule = Schedule(TRIALS, calibration(wrong), workers)
    look = sum(true.values()) / workers / 300
    now, running, seen = 0.0, {}, []
    while len(schedule) or running:
        while len(schedule) and len(running) < workers:
            trial = schedule.next()
            running[trial.key] = (trial, now)
        end = min(start + true[key] for key, (_, start) in running.items())
        now = min(end, now + look)
        for key, (trial, start) in list(running.items()):
            if now - start >= true[key] - 1e-9:
                schedule.end(trial)
                del running[key]
            else:
                done = round(7850 * (now - start) / true[key])
                schedule.report(trial, Report(done, 7850, 0, now - start, 0, 1.0))
        seen.append((now, schedule.share_done(), schedule.seconds_left()))
    total = now
    judged = [(time, left) for time, share, left in seen if 0.1 <= time / total <= 0.9]
    assert len(judged) > 50
    worst = max(abs(time + left - total) / total for time, left in judged)
    assert worst < 0.25
    assert all(abs(share - time / total) < 0.25 for time, share, _ in seen)
    assert seen[-1][1:] == (1.0, 0.0)


def test_what_a_checkpoint_held_was_not_trained_now():
    trial = next(t for t in TRIALS if t.length == 500)
    schedule = Schedule([trial], calibration(), 1)
    schedule.next()
    schedule.report(trial, Report(7000, 7850, 6000, calibration().cost(trial) * 1000 / 7850, 0, 1.0))
    assert schedule.seconds_left() == pytest.approx(calibration().cost(trial) * 850 / 7850, rel=0.01)


def test_a_long_queue_is_as_well_known_as_a_short_one():
    many = [TRIALS[0].replace(seed=seed) for seed in range(3000)]
    schedule = Schedule(many, calibration(), 4)
    assert schedule.seconds_left() == pytest.approx(calibration().cost(many[0]) * 3000 / 4, rel=0.01)


def test_a_trial_put_back_comes_next():
    schedule = Schedule(TRIALS, calibration(), 1)
    first = schedule.next()
    before = len(schedule)
    schedule.again(first)
    assert len(schedule) == before + 1
    assert schedule.next() == first


def test_each_kind_of_trial_is_corrected_by_its_own_time():
    slow, fast = (next(t for t in TRIALS if t.model == model and t.length == 100) for model in ("gru", "tanh_rnn"))
    waiting = [fast.replace(seed=9)]
    cost = calibration().cost
    schedule = Schedule([slow, fast, *waiting], calibration(), 1)
    for trial in (schedule.next(), schedule.next()):
        factor = 5.0 if trial.model == "gru" else 1.0
        schedule.report(trial, Report(3925, 7850, 0, factor * cost(trial) / 2, 0, 1.0))
        schedule.end(trial)
    assert schedule.seconds_left() == pytest.approx(cost(fast), rel=0.01)


def test_a_trial_that_goes_on_costs_what_is_left_of_it():
    one, two = (next(t for t in TRIALS if t.model == "lstm" and t.length == 100 and t.seed == seed) for seed in (1, 2))
    cost = calibration().cost(one)
    schedule = Schedule([one, two], calibration(), 1, begun={one.key: 0.75})
    assert schedule.seconds_left() == pytest.approx(1.25 * cost)
    assert schedule.next() is two, "the longest comes first"
    schedule.end(two)
    assert schedule.share_done() == pytest.approx(1 / 1.25)
    assert schedule.next() is one
    assert schedule.seconds_left() == pytest.approx(0.25 * cost)
    assert schedule.share_done() == pytest.approx(1 / 1.25)
    schedule.report(one, Report(done=900, total=1000, resumed_at=750, seconds=0.15 * cost, epoch=45, loss=0.1))
    assert schedule.seconds_left() == pytest.approx(0.1 * cost)
    schedule.end(one)
    assert schedule.share_done() == 1.0


SHORT = [t.replace(seed=seed) for t in TRIALS if t.length == 10 for seed in range(100)]


def test_short_trials_come_in_batches_and_the_last_ones_do_not():
    cost = {trial.key: calibration().cost(trial) for trial in SHORT}
    seconds = 5 * max(cost.values())
    schedule = Schedule(SHORT, calibration(), 4)
    sizes, left, keys = [], sum(cost.values()), []
    while len(schedule):
        batch = schedule.batch(seconds, 12)
        spent = sum(cost[trial.key] for trial in batch)
        assert 1 <= len(batch) <= 12
        assert len(batch) == 1 or spent <= min(seconds, left / 16) + 1e-6, "all workers end at about the same time"
        left -= spent
        sizes.append(len(batch))
        keys += [trial.key for trial in batch]
    assert sorted(keys) == sorted(trial.key for trial in SHORT)
    assert max(sizes) >= 5
    assert sizes[-4:] == [1] * 4
    assert all(schedule.share_done() == 0.0 for _ in range(1))
    assert schedule.seconds_left() == pytest.approx(sum(cost.values()) / 4, rel=0.01), "they are with four workers"


def test_long_trials_and_those_of_which_nothing_is_known_come_one_by_one():
    schedule = Schedule(TRIALS, calibration(), 1)
    assert len(schedule.batch(5.0, 64)) == 1
    assert len(Schedule(SHORT, Calibration(), 1).batch(5.0, 64)) == 1


def test_what_is_put_back_of_a_batch_comes_in_the_same_order():
    schedule = Schedule(SHORT, calibration(), 1)
    first = schedule.batch(1000.0, 5)
    for trial in reversed(first):
        schedule.again(trial)
    assert schedule.batch(1000.0, 5) == first
    assert len(first) == 5


def test_more_workers_later_are_expected_to_be_faster():
    schedule = Schedule(SHORT, calibration(), 1)
    alone = schedule.seconds_left()
    schedule.staff(10)
    assert schedule.seconds_left() == pytest.approx(alone / 10, rel=0.02)
