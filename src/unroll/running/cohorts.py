"""Which trials are trained together, as lanes of one call: those that differ in their seeds alone, where it pays.

A lane comes to the bits of a training alone (``kernels/native/update/cohort``); so this is a matter of time, and no key
and no numerics tell of it. Imports no torch: what the networks' layers allow, the worker sees.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from unroll import registry
from unroll.capabilities import Continues
from unroll.kernels.updates import COHORT
from unroll.models.recurrent import Recurrent
from unroll.models.resolve import resolve
from unroll.running.sizes import data_bytes, memory_bytes, memory_parts
from unroll.study import Trial

UNITS = 8
"""Hidden units at most: of 16 on a processor with vectors of eight numbers a training alone is as fast."""
FEWEST = ((1, 4, 5), (1, 10, 10), (8, 4, 13), (32, 4, 16))
"""Up to which batch, and up to how many inputs and outputs, how many seeds at least: from there on they take at most
two thirds of the time of as many one by one (``benchmarks/cohorts.py``), measured with vectors of 16 numbers, and of 8
but for ten inputs and outputs.
"""
BYTES = 256_000_000
"""Of all of a cohort's data and steps."""


def fewest(trial: Trial) -> int | None:
    """Return of how many seeds, at least, a cohort of trials such as this is faster than one by one; None for never."""
    task, model = resolved = resolve(trial)
    if trial.model not in registry.models.own():  # which may build a network that native code does not update
        return None
    if not isinstance(model, Recurrent) or model.layers > 1 or resolved.backend(trial).backend != "native":
        return None
    if trial.train.precision != "float32":
        return None
    if isinstance(task, Continues):  # each seed has other numbers of sequences left, and so updates of its own
        return None
    if model.width(task.inputs, task.outputs) > UNITS or task.objective not in ("mse", "cross_entropy"):
        return None
    size = max(task.inputs, task.outputs)
    return next((least for batch, most, least in FEWEST if trial.train.batch <= batch and size <= most), None)


def most(trial: Trial) -> int:
    """Return of how many trials a cohort is at most: so many that their data fit."""
    return max(1, min(COHORT, BYTES // max(1, _each(trial, 0))))


def expected(trials: Sequence[Trial], workers: int) -> dict[str, int]:
    """Return, by their conditions, how many trials a worker's cohorts will be; 1 of those that are trained one by one.

    Of all trials each worker has a share.
    """
    share = math.ceil(len(trials) / max(1, workers))
    seeds = Counter(trial.condition for trial in trials)
    found: dict[str, int] = {}
    for trial in trials:
        if trial.condition not in found:
            least, count = fewest(trial), min(seeds[trial.condition], share)
            found[trial.condition] = 1 if least is None or count < least else min(most(trial), count)
    return found


def memory_needed(trials: Sequence[Trial], parameters: Mapping[str, int], workers: int) -> int:
    """Return the bytes that so many workers may need at once: for the largest trials, each with its whole cohort.

    ``parameters`` of a trial's network by its key.
    """
    count = expected(trials, workers)
    needed = sorted(
        memory_bytes(trial, parameters[trial.key]) + (count[trial.condition] - 1) * _each(trial, parameters[trial.key])
        for trial in trials
    )
    return sum(needed[-workers:] if workers else ())


def _each(trial: Trial, parameters: int) -> int:
    """Return the bytes of one trial of a cohort while it is trained."""
    parts = memory_parts(trial, parameters)
    return data_bytes(trial) + sum(parts[name] for name in ("batch", "steps", "network", "curves"))
