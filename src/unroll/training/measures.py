"""What a trained network does when it generates: errors ahead, of sequences like those of training and of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from unroll.axes import Float32, Float64
from unroll.models.network import Bounded, Network
from unroll.streams import KeyedStreams, Streams
from unroll.study import Trial
from unroll.tasks import Dataset, Task
from unroll.tasks.numbers import Numbers
from unroll.training.continuing import free_running, teacher_forced
from unroll.training.network import streams_of

SMALL = 1e-3
"""The least share of the prompt's largest value by which an error is divided: not by nearly nothing."""
ONE_PER_CENT = 0.01


@dataclass(frozen=True)
class Measures:
    """Final values, curves by horizon (steps ahead, from 1), and the number of sequences of each regime."""

    metrics: dict[str, float]
    histories: dict[str, Float32]
    sequences: dict[str, int] = field(default_factory=dict)


def measure(trial: Trial, task: Task, network: Network) -> Measures:
    """Measure how a network generates; nothing for a task that does not.

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
    ``output_bound``, ``output_ceiling``
        see ``unroll.models.network.Bounded``; the ceiling is the bound in the task's own units, for the prompt of
        ``[generate]``

    The prompt's own continuation becomes the histories ``prompt``, ``continuation`` and, where the rule is known,
    ``truth`` and ``relative_error``.

    A task with one readout, at the end, is asked for one value: its horizon is 1, and without a prompt of the study's
    own nothing is continued. The sequences are parted as those of the trial were. Where nothing is parted, they are the
    keyed protocol's also in a notebook trial: the notebook drew none.
    """
    if trial.generate is None or not isinstance(task, Numbers):
        return Measures({}, {})
    measures = Measures({}, {})
    streams = KeyedStreams(trial.seed) if task.split == "none" else streams_of(trial)
    network.eval()
    prompt = prompt_of(trial, task)
    with np.errstate(all="ignore"):  # a network that runs away is a finding: its errors are infinite
        for regime, values in task.regimes(streams, trial.length, prompt=prompt).items():
            measures.sequences[regime] = len(values)
            if len(values):
                _regime(measures, regime, values, network, task, trial)
        if task.readout == "every":
            measures.metrics["relative_error_8"] = measures.metrics.get("relative_error_8_within", np.inf)
        if task.readout == "every" or trial.generate.prompt is not None:
            _continuation(measures, network, task, trial)
        _bound(measures, network, task, prompt)
    return measures


def prompt_of(trial: Trial, task: Numbers) -> tuple[float, ...]:
    """Return what a trial continues: the prompt of its ``[generate]``, else the task's own."""
    given = None if trial.generate is None else trial.generate.prompt
    return task.beginning(trial.length) if given is None else given


def dataset_of(trial: Trial, task: Task, streams: Streams) -> Dataset:
    """Return a trial's three splits."""
    if isinstance(task, Numbers):
        return task.dataset(streams, trial.length, prompt_of(trial, task))
    return task.dataset(streams, trial.length)


def relative_error(values: Float64, truth: Float64, prompt: Float64) -> Float64:
    """Return |p - x| / |x| of predictions p and truths x, (..., n), after prompts (..., P).

    A truth of less than a thousandth of the prompt's largest absolute value counts as that thousandth (of 1, where the
    prompt is all zeros), so that dividing by zero is defined. Predictions that are no number are infinitely wrong.
    """
    largest = np.abs(prompt).max(axis=-1, keepdims=True)
    least = SMALL * np.where(largest == 0, 1.0, largest)
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.abs(values - truth) / np.maximum(np.abs(truth), least), nan=np.inf, posinf=np.inf)


def _regime(measures: Measures, regime: str, values: Float64, network: Network, task: Numbers, trial: Trial) -> None:
    assert trial.generate is not None  # noqa: S101 - the caller looked
    known = trial.length
    horizon = min(trial.generate.horizon, values.shape[1] - known) if task.readout == "every" else 1
    if horizon < 1:
        return
    prompt, truth = values[:, :known], values[:, known : known + horizon]
    free = np.stack(list(islice(free_running(network, task, prompt, trial.generate.prime), horizon)), axis=1)
    absolute = np.nan_to_num(np.abs(free - truth), nan=np.inf, posinf=np.inf)
    metrics, histories = measures.metrics, measures.histories
    if regime == "validation":
        steps = min(trial.generate.steps, horizon)
        metrics["free_running_validation"] = float(np.median(absolute[:, :steps].mean(axis=1)))
        return
    relative = np.median(relative_error(free, truth, prompt), axis=0)
    forced = np.stack(list(teacher_forced(network, task, values[:, : known + horizon], known)), axis=1)
    one_step = relative_error(forced, truth, prompt)
    histories[f"absolute_error_{regime}"] = _float32(np.median(absolute, axis=0))
    histories[f"relative_error_{regime}"] = _float32(relative)
    histories[f"one_step_error_{regime}"] = _float32(np.median(one_step, axis=0))
    near = slice(min(trial.generate.steps, horizon))
    metrics[f"one_step_mse_{regime}"] = float(np.nan_to_num(np.square(forced - truth)[:, near].mean(), nan=np.inf))
    metrics[f"one_step_relative_error_{regime}"] = float(np.median(one_step[:, near]))
    for step in (1, 8):
        if step <= horizon:
            metrics[f"relative_error_{step}_{regime}"] = float(relative[step - 1])
    passed = np.flatnonzero(relative > ONE_PER_CENT)
    metrics[f"horizon_1pct_{regime}"] = float(passed[0] if len(passed) else horizon)


def _continuation(measures: Measures, network: Network, task: Numbers, trial: Trial) -> None:
    assert trial.generate is not None  # noqa: S101 - the caller looked
    settings = trial.generate
    prompt = np.array([prompt_of(trial, task)], dtype=np.float64)
    values = np.concatenate(list(islice(free_running(network, task, prompt, settings.prime), settings.steps)))
    measures.histories["prompt"] = _float32(prompt[0])
    measures.histories["continuation"] = _float32(values)
    truth = task.truth(prompt[0], settings.steps, trial.length)
    if truth is not None:
        measures.histories["truth"] = _float32(truth)
        measures.histories["relative_error"] = _float32(relative_error(values, truth, prompt[0]))


def _bound(measures: Measures, network: Network, task: Numbers, prompt: tuple[float, ...]) -> None:
    bound = network.output_bound() if isinstance(network, Bounded) else None
    if bound is None:
        return
    measures.metrics["output_bound"] = bound
    if task.representation == "raw":
        measures.metrics["output_ceiling"] = bound * float(task.scales(np.array([prompt]))[0])


def _float32(values: Float64) -> Float32:
    """Return values as a history keeps them; what is too large for float32 is infinite there."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
