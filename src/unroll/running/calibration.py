"""How long trials take: measured on a few updates before the run, corrected by what is seen during it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unroll import registry
from unroll.errors import UnrollError
from unroll.executors import Channel
from unroll.running.work import adopt_plugins
from unroll.study import Settings, Trial
from unroll.tasks import Task
from unroll.training import Training, single_thread

BUDGET = 2.0
"""Seconds that the measurement may take, without the imports."""
LONG = 100
"""Steps of the longer of the two lengths that are measured; time grows linearly beyond."""
FORWARD = 0.3
"""Share of an update that its forward pass takes; evaluation does nothing else."""
SETUP = 0.2
"""Seconds to draw the data and build the network."""

Shape = tuple[str, str, Settings, int]


def shape(trial: Trial) -> Shape:
    """Return what, besides the length, decides how long an update takes."""
    return trial.task, trial.model, trial.model_settings, trial.train.batch


@dataclass(frozen=True)
class Calibration:
    """Seconds an update, measured: for each shape of trial, (length, seconds) in order of length."""

    points: Mapping[Shape, Sequence[tuple[int, float]]] = field(default_factory=dict)

    def update_seconds(self, trial: Trial) -> float:
        """Return the expected seconds of one update: a line through the measured points of the trial's shape.

        A shape that was not measured counts like the average of those that were; without any, like 10 microseconds a
        step.
        """
        points = self.points.get(shape(trial))
        if not points:
            known = [seconds / length for points in self.points.values() for length, seconds in points[-1:]]
            return trial.length * (sum(known) / len(known) if known else 1e-5)
        (first, low), (last, high) = points[0], points[-1]
        slope = max(0.0, (high - low) / (last - first)) if last > first else low / first
        return max(low + slope * (trial.length - first), 1e-5)

    def cost(self, trial: Trial) -> float:
        """Return the expected seconds of a whole trial on one worker."""
        if _fitted(trial):
            return SETUP
        task: Task = registry.tasks.load(trial.task)(**trial.task_settings)
        epochs = trial.train.epochs

        def batches(sequences: int) -> int:
            return math.ceil(task.expected(sequences, trial.length) / trial.train.batch)

        updates = epochs * batches(task.train)
        evaluations = epochs * batches(task.validation) + batches(task.test)
        return SETUP + (updates + FORWARD * evaluations) * self.update_seconds(trial)


@dataclass(frozen=True)
class Samples:
    """The trials that are measured for a calibration, and the plug-ins that they need."""

    trials: tuple[Trial, ...]
    plugins: Mapping[str, Mapping[str, type]]


def samples(trials: Sequence[Trial], plugins: Mapping[str, Mapping[str, type]]) -> Samples:
    """Choose what to measure: of each shape the shortest trial, and one of LONG steps or the longest.

    A model that is fitted makes no updates that could be measured.
    """
    chosen: dict[tuple[Shape, int], Trial] = {}
    shapes: dict[Shape, list[Trial]] = {}
    for trial in trials:
        if not _fitted(trial):
            shapes.setdefault(shape(trial), []).append(trial)
    for kind, members in shapes.items():
        lengths = sorted({trial.length for trial in members})
        for length in {lengths[0], next((n for n in lengths if n >= LONG), lengths[-1])}:
            chosen[kind, length] = next(trial for trial in members if trial.length == length)
    return Samples(tuple(sorted(chosen.values(), key=lambda trial: trial.length)), plugins)


def calibrate(wanted: Samples, channel: Channel) -> Calibration:
    """Time a few updates of each sample, in about BUDGET seconds together; what no time is left for is left out."""
    adopt_plugins(wanted.plugins)
    points: dict[Shape, list[tuple[int, float]]] = {}
    end = time.monotonic() + BUDGET
    with single_thread():
        for position, trial in enumerate(wanted.trials):
            left = end - time.monotonic()
            if left <= 0 or channel.stopping:
                break
            seconds = _time_update(trial, left / (len(wanted.trials) - position))
            if seconds is not None:
                points.setdefault(shape(trial), []).append((trial.length, seconds))
    return Calibration(points)


def _fitted(trial: Trial) -> bool:
    fitted: bool = registry.models.load(trial.model).fitted
    return fitted


def _time_update(trial: Trial, budget: float) -> float | None:
    """Return the median seconds of an update on a small copy of a trial; None where it fails: its run will tell."""
    small = Settings({**trial.task_settings, "train": 2 * trial.train.batch, "validation": 0, "test": 1})
    train = trial.train.model_copy(update={"epochs": 1_000})
    copy = trial.replace(task_settings=small, train=train)
    try:
        steps = Training(copy).run()
        next(steps)  # the first update warms the caches
        times: list[float] = []
        begin = time.monotonic()
        while not times or (time.monotonic() - begin < budget * 0.6 and len(times) < 50):
            start = time.perf_counter()
            next(steps)
            times.append(time.perf_counter() - start)
    except (UnrollError, RuntimeError, ValueError):
        return None
    return sorted(times)[len(times) // 2]
