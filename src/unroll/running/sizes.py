"""How much memory and disk a trial needs, estimated from its settings, and how many cores there are for it."""

from __future__ import annotations

import math
import os

from unroll import registry
from unroll.study import Trial

FLOAT = 4
WORKER = 250_000_000
"""Bytes of a worker process that has imported torch and trains nothing."""
CURVES = 2
"""Values that are kept of each update: its loss and its gradient norm."""
ROW = 4096
"""Bytes of everything else that the store keeps of a trial."""


def usable_cores() -> int:
    """Return how many cores this process may use, which a container or a batch system can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def data_bytes(trial: Trial) -> int:
    """Bytes of the three splits in memory; twice as much while they are made, in float64 and then float32."""
    task = registry.tasks.load(trial.task)(**trial.task_settings)
    sequences: int = task.expected(task.train + task.validation + task.test, trial.length)
    steps = trial.length if task.readout == "every" else 1
    return int(FLOAT * sequences * (trial.length * task.inputs + steps * task.outputs))


def memory_bytes(trial: Trial, parameters: int) -> int:
    """Bytes that a worker needs for a trial: data while they are made; weights, gradients, optimizer state; curves."""
    return WORKER + 3 * data_bytes(trial) + 4 * FLOAT * parameters + 2 * _curve_bytes(trial)


def disk_bytes(trial: Trial, parameters: int) -> int:
    """Bytes that a finished trial takes in the store: weights and curves."""
    return FLOAT * parameters + _curve_bytes(trial) + ROW


def _curve_bytes(trial: Trial) -> int:
    task = registry.tasks.load(trial.task)(**trial.task_settings)
    sequences: int = task.expected(task.train, trial.length)
    updates = trial.train.epochs * math.ceil(sequences / trial.train.batch)
    return CURVES * FLOAT * updates
