"""How long trials take: measured on a few updates before the run, corrected by what is seen during it."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from unroll.executors import Channel
from unroll.kernels.updates import Wanted
from unroll.models.resolve import resolve
from unroll.running.cohorts import expected
from unroll.running.examining import examine
from unroll.running.kept import is_fitted
from unroll.running.messages import Plugins
from unroll.running.work import LOOK_SECONDS, adopt_plugins
from unroll.streams import KeyedStreams
from unroll.study import Settings, Trial
from unroll.tasks.given import Given
from unroll.training import Training, computing
from unroll.training.cohort import Answer, together
from unroll.training.devices import at_once, confirm, device_of
from unroll.training.numerics import CPU

BUDGET = 2.0
"""Seconds that the measurement may take, without the imports."""
LONG = 100
"""Steps of the longer of the two lengths that are measured; time grows linearly beyond."""
FORWARD = 0.3
"""Share of an update that its forward pass takes; evaluation does nothing else."""
SETUP = 0.2
"""Seconds to draw the data and build the network."""
DRAWN = 1_000
"""Sequences that are drawn to be timed, and trained on: of a few, what each call takes would be most of it."""

ROUNDS = 50
"""How often a few updates are timed, at most."""

Shape = tuple[str, str, Settings, int]


def shape(trial: Trial) -> Shape:
    """Return what, besides the length, decides how long an update takes; the last is how many examples it trains on."""
    return trial.task, trial.model, trial.model_settings, _examples(trial)


@dataclass(frozen=True)
class Calibration:
    """Seconds an update, measured: for each shape of trial, (length, seconds) in order of length.

    ``examinations``: the same of what measures do when a training has ended, once for each trial. ``draws``: of
    drawing a sequence, of tasks whose training data are drawn anew for each epoch.
    """

    points: Mapping[Shape, Sequence[tuple[int, float]]] = field(default_factory=dict)
    examinations: Mapping[Shape, Sequence[tuple[int, float]]] = field(default_factory=dict)
    draws: Mapping[Shape, Sequence[tuple[int, float]]] = field(default_factory=dict)

    def update_seconds(self, trial: Trial) -> float:
        """Return the expected seconds of one update: a line through the measured points of the trial's shape.

        A shape that was not measured counts like the average of those that were; without any, like 10 microseconds a
        step.
        """
        return max(_on_a_line(self.points, trial, 1e-5), 1e-5)

    def examination_seconds(self, trial: Trial) -> float:
        """Return the expected seconds that measures take when the trial's training has ended."""
        return 0.0 if is_fitted(trial) else max(0.0, _on_a_line(self.examinations, trial, 0.0))

    def drawing_seconds(self, trial: Trial) -> float:
        """Return the expected seconds that drawing a trial's sequences takes after the first epoch."""
        task = resolve(trial).task
        if not task.fresh:
            return 0.0
        return (trial.train.epochs - 1) * task.train * max(0.0, _on_a_line(self.draws, trial, 0.0))

    def measured(self, trials: Sequence[Trial]) -> bool:
        """Whether anything is known of how long these trials take: of fitted ones always."""
        return bool(self.points) or all(map(is_fitted, trials))

    def cost(self, trial: Trial) -> float:
        """Return the expected seconds of a whole trial on one worker, of one with early stopping the most it takes."""
        if is_fitted(trial):
            return SETUP
        epochs, batch = trial.train.epochs, _examples(trial)
        train, validation, test = (math.ceil(n / batch) for n in resolve(trial).task.examples(trial.length))
        updates, evaluations = epochs * train, epochs * validation + test
        further = sum(self.update_seconds(trial.replace(length=one)) for one in trial.test.lengths)
        once = SETUP + self.drawing_seconds(trial) + self.examination_seconds(trial) + FORWARD * test * further
        return once + (updates + FORWARD * evaluations) * self.update_seconds(trial)


def _on_a_line(measured: Mapping[Shape, Sequence[tuple[int, float]]], trial: Trial, otherwise: float) -> float:
    """Return seconds from a line through what was measured of a trial's shape, or ``otherwise`` a step."""
    points = measured.get(shape(trial))
    if not points:
        known = [seconds / length for points in measured.values() for length, seconds in points[-1:]]
        return trial.length * (sum(known) / len(known) if known else otherwise)
    (first, low), (last, high) = points[0], points[-1]
    slope = max(0.0, (high - low) / (last - first)) if last > first else low / first
    return low + slope * (trial.length - first)


@dataclass(frozen=True)
class Samples:
    """What is measured for a calibration, trials or whole cohorts, and the plug-ins that they need."""

    cohorts: tuple[tuple[Trial, ...], ...]
    plugins: Plugins


def samples(trials: Sequence[Trial], plugins: Plugins, workers: int) -> Samples:
    """Choose what to measure: of each shape the shortest trial, and one of LONG steps or the longest.

    Each with those that so many workers will train together with it. A model that is fitted makes no updates that could
    be measured.
    """
    chosen: dict[tuple[Shape, int], tuple[Trial, ...]] = {}
    shapes: dict[Shape, list[Trial]] = {}
    for trial in trials:
        if not is_fitted(trial):
            shapes.setdefault(shape(trial), []).append(trial)
    count = expected(trials, workers)
    for kind, members in shapes.items():
        lengths = sorted({trial.length for trial in members})
        for length in {lengths[0], next((n for n in lengths if n >= LONG), lengths[-1])}:
            first = next(trial for trial in members if trial.length == length)
            alike = (trial for trial in members if trial.condition == first.condition)
            chosen[kind, length] = tuple(islice(alike, count[first.condition]))
    return Samples(tuple(sorted(chosen.values(), key=lambda cohort: cohort[0].length)), plugins)


def calibrate(wanted: Samples, channel: Channel) -> Calibration:
    """Time a few updates of each sample, in about BUDGET seconds together; what no time is left for is left out."""
    adopt_plugins(wanted.plugins)
    points: dict[Shape, list[tuple[int, float]]] = {}
    looks: dict[Shape, list[tuple[int, float]]] = {}
    draws: dict[Shape, list[tuple[int, float]]] = {}
    device = device_of(wanted.cohorts[0][0]) if wanted.cohorts else CPU
    with computing(device):
        confirm(device)  # a GPU's first product takes longer than all that follow
        end = time.monotonic() + BUDGET
        for position, cohort in enumerate(wanted.cohorts):
            left = end - time.monotonic()
            if left <= 0 or channel.stopping:
                break
            trial = cohort[0]
            seconds = time_update(cohort, left / (len(wanted.cohorts) - position))
            if seconds is not None:
                points.setdefault(shape(trial), []).append((trial.length, seconds))
                looks.setdefault(shape(trial), []).append((trial.length, _examination_seconds(trial)))
                if resolve(trial).task.fresh:
                    draws.setdefault(shape(trial), []).append((trial.length, _drawing_seconds(trial)))
        confirm(device)
    return Calibration(points, looks, draws)


def _examples(trial: Trial) -> int:
    """Return how many examples an update trains on: a batch, or all that there are where they are fewer."""
    return min(trial.train.batch, resolve(trial).task.examples(trial.length)[0])


def time_update(cohort: Sequence[Trial], budget: float) -> float | None:
    """Return the median seconds of an update of one of some trials that are trained together, on small copies of them.

    Native code makes several at a time, and the median is that of their means. On a GPU, which makes updates while the
    next are prepared, it is the mean of as many. None where they fail: their run will tell.
    """
    seen: list[float] = []
    try:
        trainings = [Training(_small(trial, len(cohort)), look=LOOK_SECONDS) for trial in cohort]
        for _ in together([_timed(training, seen, budget * 0.6, first=not i) for i, training in enumerate(trainings)]):
            pass
    except (Exception, SystemExit):  # whatever a plug-in raises; Ctrl-C alone is for us
        return None
    return sorted(seen)[len(seen) // 2] / len(cohort)


def _timed(
    training: Training, seen: list[float], seconds: float, first: bool
) -> Generator[Wanted, Answer | None, None]:
    """Train for so long, or ROUNDS times; of the first of a cohort note in ``seen`` the seconds of an update of all."""
    steps, answer = training.steps(), None
    begin, before = time.perf_counter(), 0
    start, warm = begin, 0
    while not seen or (time.perf_counter() - begin < seconds and len(seen) < ROUNDS):
        told = steps.send(answer)
        answer = None
        if isinstance(told, Wanted):
            answer = yield told
        elif first:
            if not warm:  # the first update warms the caches
                training.settle()
                begin, warm = time.perf_counter(), training.done
            elif made := training.done - before:  # else it looked at validation sequences
                seen.append((time.perf_counter() - start) / made)
            start, before = time.perf_counter(), training.done
    if first and not at_once(training.device):
        training.settle()
        seen[:] = [(time.perf_counter() - begin) / (training.done - warm)]


def _examination_seconds(trial: Trial) -> float:
    """Return the seconds that measures take at the end of a trial, on the network that it begins with."""
    return sum(one.seconds for one in examine(trial, Training(_small(trial)).network))


def _drawing_seconds(trial: Trial) -> float:
    """Return the seconds that drawing a sequence takes, among as many as are drawn to be measured."""
    task = resolve(trial).task
    sequences = min(DRAWN, task.train)
    start = time.perf_counter()
    task.sequences(KeyedStreams(trial.seed).generator("data"), sequences, trial.length)
    return (time.perf_counter() - start) / sequences


def _small(trial: Trial, together: int = 1) -> Trial:
    """Return a copy of a trial with two batches of data or DRAWN sequences, drawn once, or with all that is given.

    Of those that are trained ``together`` each has a part of the sequences.
    """
    task, settings = resolve(trial).task, trial.task_settings
    if not isinstance(task, Given):
        sequences = min(max(2 * trial.train.batch, DRAWN // together), task.train)
        settings = Settings({**settings, "train": sequences, "validation": 0, "test": 1, "fresh": False})
    train = trial.train.model_copy(update={"epochs": 1_000, "patience": None})
    return trial.replace(task_settings=settings, train=train)
