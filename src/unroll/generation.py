"""Continue a prompt with a trained model, step by step, in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import safetensors.torch
import torch

from unroll.axes import Float64
from unroll.errors import PromptError
from unroll.models.network import Network
from unroll.streams import KeyedStreams
from unroll.study import GenerateSettings, Trial
from unroll.study.messages import shown
from unroll.tasks.numbers import Numbers
from unroll.training import single_thread
from unroll.training.continuing import free_running, precision, teacher_forced
from unroll.training.measures import relative_error
from unroll.training.network import build_network, task_of

if TYPE_CHECKING:
    import pandas as pd

MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Trained:
    """A trained model: its trial, its task with the trial's settings, and its network with the trained weights."""

    trial: Trial
    task: Numbers
    network: Network

    @property
    def settings(self) -> GenerateSettings:
        """How the trial generates."""
        assert self.trial.generate is not None  # noqa: S101 - its task generates
        return self.trial.generate

    @property
    def rule(self) -> str | None:
        """The rule that the model found, in words, of the numbers x or of their codes u; None where it can say none."""
        say = getattr(self.network, "rule", None)
        plain = self.task.representation == "raw" and self.task.scale == "prefix"
        return (str(say("x" if plain else "u")) or None) if say is not None else None

    def __str__(self) -> str:
        return str(self.trial)


@dataclass(frozen=True)
class Continuation:
    """What a model put after a prompt, in the task's own units; float64, (steps,).

    ``truth`` holds the terms that the rule puts there, None where it does not determine them, NaN beyond the range of
    float64; ``relative_error`` as in ``unroll.training.measures``. ``teacher_forced``: each value was predicted from
    the true ones before it, not from the model's own.
    """

    prompt: Float64
    continuation: Float64
    truth: Float64 | None
    relative_error: Float64 | None
    teacher_forced: bool

    def table(self, series: str = "model") -> pd.DataFrame:
        """Return one row a step, from 1: step, value, truth, relative_error, and the name of the series."""
        import pandas as pd

        steps = np.arange(1, len(self.continuation) + 1)
        nothing = np.full(len(steps), np.nan)
        return pd.DataFrame(
            {
                "step": steps,
                "value": self.continuation,
                "truth": nothing if self.truth is None else self.truth,
                "relative_error": nothing if self.relative_error is None else self.relative_error,
                "series": series,
            }
        )


def trained(trial: Trial, parameters: bytes) -> Trained:
    """Return the model that a trial trained, from the weights that the store keeps (safetensors bytes).

    Raises PromptError for a task that generates nothing.
    """
    task = task_of(trial)
    if not isinstance(task, Numbers) or trial.generate is None:
        raise PromptError(
            f'The task "{trial.task}" generates no sequences, so {trial} has nothing to continue. Choose a task that '
            "does: unroll tasks"
        )
    network = build_network(trial, KeyedStreams(trial.seed).generator("init"))
    network.load_state_dict(safetensors.torch.load(parameters))
    network.eval()
    return Trained(trial, task, network)


def generate(
    model: Trained, prompt: Sequence[float] | None = None, steps: int | None = None, *, teacher_forced: bool = False
) -> Continuation:
    """Continue a prompt; return the values, beside the truth where the task's rule determines it.

    Parameters
    ----------
    model
        From ``unroll.load_model``.
    prompt
        Finite numbers in the task's own units. Default: that of the trial's ``[generate]``, else the task's own.
    steps
        How many values to add, 1 to 1,000,000. Default: that of the trial's ``[generate]``. The memory in use does not
        grow with them, but for the numbers themselves.
    teacher_forced
        Predict each value from the true ones before it instead of from the model's own. Needs a rule.

    The same prompt gives the same bits. Raises PromptError for a prompt that cannot be continued, and where a value
    leaves the range of numbers, with the step.

    """
    given = _checked(model, model.settings.prompt or model.task.prompt if prompt is None else prompt)
    wanted = model.settings.steps if steps is None else steps
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 1 <= wanted <= MOST_STEPS:
        raise PromptError(f"{wanted!r} steps cannot be generated: 1 to {MOST_STEPS:,}, a whole number.")
    with np.errstate(all="ignore"):  # overflow is looked for in each value
        truth = _truth(model, given, wanted)
        values = _values(model, given, wanted, truth if teacher_forced else None, teacher_forced)
    error = None if truth is None else relative_error(values, truth, given)
    if error is not None and truth is not None:
        error[np.isnan(truth)] = np.nan
    return Continuation(given, values, truth, error, teacher_forced)


def _checked(model: Trained, prompt: Sequence[float]) -> Float64:
    """Return a prompt as an array, after everything that can be wrong with it."""
    try:
        given = np.asarray(prompt, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise PromptError(f"{shown(prompt)} is no prompt: give numbers, such as 1,3,5,7,9.") from None
    if given.ndim != 1:
        raise PromptError(f"A prompt is one sequence of numbers, not an array of shape {given.shape}.")
    if not len(given):
        raise PromptError("The prompt is empty. Give at least one number, such as --prompt 1,3,5,7,9.")
    for place in np.flatnonzero(~np.isfinite(given))[:1]:
        raise PromptError(f"Value {place + 1} of the prompt is {given[place]}. Give finite numbers.")
    with np.errstate(all="ignore"):
        coded = model.task.coding.encode(given[None] / model.task.scales(given[None])[:, None])[0]
    largest = torch.finfo(precision(model.network)).max
    for place in np.flatnonzero(~(np.abs(coded) <= largest))[:1]:
        raise PromptError(
            f"Value {place + 1} of the prompt, {given[place]:g}, is {coded[place]:g} as the network sees it "
            f"({model.task.representation}): beyond {largest:.2g}, its largest number. Give smaller numbers."
        )
    return given


def _truth(model: Trained, prompt: Float64, steps: int) -> Float64 | None:
    truth = model.task.truth(prompt, steps)
    return None if truth is None else np.where(np.isfinite(truth), truth, np.nan)


def _values(model: Trained, prompt: Float64, steps: int, truth: Float64 | None, forced: bool) -> Float64:
    if forced:
        if truth is None:
            raise PromptError(
                f'The task "{model.trial.task}" does not determine what follows this prompt: no truth to be fed. '
                "Give a prompt that follows its rule, or leave out --teacher-forced."
            )
        whole = np.concatenate([prompt, truth])[None]
        predictions = teacher_forced(model.network, model.task, whole, len(prompt))
    else:
        predictions = free_running(model.network, model.task, prompt[None], model.settings.prime)
    values = np.empty(steps)
    with single_thread():
        for place, value in enumerate(islice(predictions, steps)):
            values[place] = value[0]
            if not np.isfinite(value[0]):
                raise PromptError(
                    f"At step {place + 1} the continuation leaves the range of numbers ({value[0]}). Generate "
                    f"{place or 'no'} steps, or give another prompt."
                )
    return values
