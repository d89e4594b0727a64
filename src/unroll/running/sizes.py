"""How much memory and disk a trial needs, estimated from its settings."""

from __future__ import annotations

import math
from typing import Literal

import psutil

from unroll.models.resolve import resolve
from unroll.study import Trial
from unroll.wording import bytes_, measured

FLOAT = 4
SYMBOL = 1
WORKER = 250_000_000
"""Bytes of a worker process that has imported torch and trains nothing."""
CURVES = 2
"""Values that are kept of each update: its loss and its gradient norm."""
ROW = 4096
"""Bytes of everything else that the store keeps of a trial."""


def data_bytes(trial: Trial) -> int:
    """Bytes of the three splits in memory, symbols as small as they are stored, and of the longest that is tested."""
    task = resolve(trial).task
    sequences = sum(task.examples(trial.length))
    length = task.total_steps(trial.length)
    inputs = SYMBOL if task.tokens else FLOAT * task.inputs
    answers = FLOAT if task.objective == "cross_entropy" else FLOAT * task.outputs
    each: list[tuple[int, int]] = [(sequences, length)]
    each += [(task.test, task.total_steps(longest)) for longest in trial.test.lengths[-1:]]
    return sum(int(n * (steps * inputs + (1 if task.readout == "last" else steps) * answers)) for n, steps in each)


def batch_bytes(trial: Trial) -> int:
    """Bytes of a batch beside its data.

    Of symbols the ones among zeros, as whole numbers and as floats; of outputs at many steps these with gradients,
    and as often again where each is scored.
    """
    task = resolve(trial).task
    sequences = min(trial.train.batch, max(1, task.examples(trial.length)[0]))
    ones = (8 + FLOAT) * task.inputs if task.tokens else 0
    outputs = {"last": 0, "some": 2, "every": 4}[task.readout] * FLOAT * task.outputs
    longest = max(map(task.total_steps, (trial.length, *trial.test.lengths)))
    return int(sequences * longest * (ones + outputs))


def step_bytes(trial: Trial) -> int:
    """Bytes of what a network keeps of a batch's steps until the gradient has gone back, on the CPU."""
    resolved = resolve(trial)
    task, model = resolved
    if model.fitted or trial.train.device != "cpu":
        return 0
    sequences = min(trial.train.batch, max(1, task.examples(trial.length)[0]))
    readout: Literal["last", "every"] = "last" if task.readout == "last" else "every"
    each = model.kept(task.inputs, task.outputs, readout, resolved.backend(trial).backend)
    return FLOAT * int(sequences * task.total_steps(trial.length)) * each


def memory_parts(trial: Trial, parameters: int) -> dict[str, int]:
    """Bytes that a worker needs: for data while they are made; a batch; its steps; the network; curves; itself.

    The network: weights, gradients, the optimizer's state, with early stopping the best weights.
    """
    return {
        "data": 3 * data_bytes(trial),
        "batch": batch_bytes(trial),
        "steps": step_bytes(trial),
        "network": (4 + (trial.train.patience is not None)) * FLOAT * parameters,
        "curves": 2 * _curve_bytes(trial),
        "worker": WORKER,
    }


def memory_bytes(trial: Trial, parameters: int) -> int:
    """Bytes that a worker needs for a trial, see ``memory_parts``."""
    return sum(memory_parts(trial, parameters).values())


def shortage(needed: int, workers: int) -> str:
    """Return a sentence where so many workers together need more bytes than this machine has; "" where they do not."""
    there = psutil.virtual_memory().total
    if needed <= there:
        return ""
    return (
        f"{measured(workers, 'worker')} together may need {bytes_(needed)}, more than the {bytes_(there)} of memory "
        "that this machine has. Ask for fewer (--workers), or lower train.batch, the length or model.hidden."
    )


def disk_bytes(trial: Trial, parameters: int) -> int:
    """Bytes that a finished trial takes in the store: weights and curves."""
    return FLOAT * parameters + _curve_bytes(trial) + ROW


def checkpoint_bytes(trial: Trial, parameters: int) -> int:
    """Bytes of a trial's last checkpoint, which holds most: weights (the best too), the optimizer's state, curves."""
    kept = {"adam": 2, "adamw": 2, "sgd": 0, "rmsprop": 1}[trial.train.optimizer]
    kept += bool(trial.train.momentum) + (trial.train.patience is not None)
    return FLOAT * parameters * (1 + kept) + _curve_bytes(trial) + ROW


def _curve_bytes(trial: Trial) -> int:
    task = resolve(trial).task
    updates = trial.train.epochs * math.ceil(task.examples(trial.length)[0] / trial.train.batch)
    return CURVES * FLOAT * updates
