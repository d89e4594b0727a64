"""How far a trained network can run freely: errors ahead, of sequences like those of training and of others."""

from __future__ import annotations

from itertools import islice

import numpy as np

from unroll.axes import Float32, Float64
from unroll.measures.base import Recorded
from unroll.models.network import Network
from unroll.streams import KeyedStreams
from unroll.study import Trial
from unroll.tasks import Task
from unroll.tasks.numbers import Numbers
from unroll.training.continuing import free_running, teacher_forced
from unroll.training.network import streams_of
from unroll.training.prompts import prompt_of
from unroll.training.relative_error import relative_error

ONE_PER_CENT = 0.01


def record(trial: Trial, task: Task, network: Network) -> Recorded:
    """Measure how far ahead a network is right; nothing for a task that generates nothing.

    For each regime R of the task's test sequences (see ``Numbers.regimes``) that has any, the first T terms are the
    prompt. Histories, medians over the sequences at each horizon: ``absolute_error_R`` (own units) and
    ``relative_error_R``, free-running; ``one_step_error_R``, relative, with the truth fed. Metrics:

    ``one_step_mse_R`` (own units), ``one_step_relative_error_R`` (median)
        with the truth fed, over the first ``generate.steps`` steps
    ``relative_error_1_R``, ``relative_error_8_R``, ``horizon_1pct_R``
        free-running; the last: the steps before the relative error passes 1 %
    ``relative_error_8``
        that of the regime "within", by which a trial is solved
    ``free_running_validation``
        mean absolute error over the first ``generate.steps`` steps, own units, median over validation sequences

    A task with one readout, at the end, is asked for one value: its horizon is 1. The sequences are parted as those of
    the trial were. Where nothing is parted, they are the keyed protocol's also in a notebook trial: the notebook drew
    none.
    """
    if trial.generate is None or not isinstance(task, Numbers):
        return Recorded()
    metrics: dict[str, float] = {}
    histories: dict[str, Float32] = {}
    sequences: dict[str, int] = {}
    streams = KeyedStreams(trial.seed) if task.split == "none" else streams_of(trial)
    network.eval()
    with np.errstate(all="ignore"):  # a network that runs away is a finding: its errors are infinite
        for regime, values in task.regimes(streams, trial.length, prompt=prompt_of(trial, task)).items():
            sequences[regime] = len(values)
            if len(values):
                _regime(metrics, histories, regime, values, network, task, trial)
    if task.readout == "every":
        metrics["relative_error_8"] = metrics.get("relative_error_8_within", np.inf)
    return Recorded(metrics, histories, sequences)


def float32(values: Float64) -> Float32:
    """Return values as a history keeps them; what is too large for float32 is infinite there."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _regime(
    metrics: dict[str, float],
    histories: dict[str, Float32],
    regime: str,
    values: Float64,
    network: Network,
    task: Numbers,
    trial: Trial,
) -> None:
    assert trial.generate is not None  # noqa: S101 - the caller looked
    known = trial.length
    horizon = min(trial.generate.horizon, values.shape[1] - known) if task.readout == "every" else 1
    if horizon < 1:
        return
    prompt, truth = values[:, :known], values[:, known : known + horizon]
    free = np.stack(list(islice(free_running(network, task, prompt, trial.generate.prime), horizon)), axis=1)
    absolute = np.nan_to_num(np.abs(free - truth), nan=np.inf, posinf=np.inf)
    if regime == "validation":
        steps = min(trial.generate.steps, horizon)
        metrics["free_running_validation"] = float(np.median(absolute[:, :steps].mean(axis=1)))
        return
    relative = np.median(relative_error(free, truth, prompt), axis=0)
    forced = np.stack(list(teacher_forced(network, task, values[:, : known + horizon], known)), axis=1)
    one_step = relative_error(forced, truth, prompt)
    histories[f"absolute_error_{regime}"] = float32(np.median(absolute, axis=0))
    histories[f"relative_error_{regime}"] = float32(relative)
    histories[f"one_step_error_{regime}"] = float32(np.median(one_step, axis=0))
    near = slice(min(trial.generate.steps, horizon))
    metrics[f"one_step_mse_{regime}"] = float(np.nan_to_num(np.square(forced - truth)[:, near].mean(), nan=np.inf))
    metrics[f"one_step_relative_error_{regime}"] = float(np.median(one_step[:, near]))
    for step in (1, 8):
        if step <= horizon:
            metrics[f"relative_error_{step}_{regime}"] = float(relative[step - 1])
    passed = np.flatnonzero(relative > ONE_PER_CENT)
    metrics[f"horizon_1pct_{regime}"] = float(passed[0] if len(passed) else horizon)
