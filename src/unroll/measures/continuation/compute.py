"""What a trained network makes of a prompt, and what its state allows it to put out."""

from __future__ import annotations

from itertools import islice

import numpy as np

from unroll.axes import Float32
from unroll.measures.base import Recorded
from unroll.measures.horizons.compute import float32
from unroll.models.network import Bounded, Network
from unroll.study import Trial
from unroll.study.settings import GenerateSettings
from unroll.tasks import Task
from unroll.tasks.numbers import Numbers
from unroll.training.continuing import free_running
from unroll.training.prompts import prompt_of
from unroll.training.relative_error import relative_error


def record(trial: Trial, task: Task, network: Network) -> Recorded:
    """Continue a trial's prompt; nothing for a task that generates nothing.

    The continuation becomes the histories ``prompt``, ``continuation`` and, where the rule is known, ``truth`` and
    ``relative_error``. A task with one readout, at the end, continues only a prompt of the study's own. Metrics:
    ``output_bound`` and ``output_ceiling``, see ``unroll.models.network.Bounded``; the ceiling is the bound in the
    task's own units, for the prompt of ``[generate]``.
    """
    if trial.generate is None or not isinstance(task, Numbers):
        return Recorded()
    network.eval()
    prompt = prompt_of(trial, task)
    histories: dict[str, Float32] = {}
    with np.errstate(all="ignore"):  # a network that runs away is a finding
        if task.readout == "every" or trial.generate.prompt is not None:
            histories = _continued(prompt, network, task, trial.generate, trial.length)
        return Recorded(_bound(network, task, prompt), histories)


def _continued(
    beginning: tuple[float, ...], network: Network, task: Numbers, settings: GenerateSettings, length: int
) -> dict[str, Float32]:
    prompt = np.array([beginning], dtype=np.float64)
    values = np.concatenate(list(islice(free_running(network, task, prompt, settings.prime), settings.steps)))
    histories = {"prompt": float32(prompt[0]), "continuation": float32(values)}
    truth = task.truth(prompt[0], settings.steps, length)
    if truth is not None:
        histories["truth"] = float32(truth)
        histories["relative_error"] = float32(relative_error(values, truth, prompt[0]))
    return histories


def _bound(network: Network, task: Numbers, prompt: tuple[float, ...]) -> dict[str, float]:
    bound = network.output_bound() if isinstance(network, Bounded) else None
    if bound is None:
        return {}
    if task.representation == "raw":
        return {"output_bound": bound, "output_ceiling": bound * float(task.scales(np.array([prompt]))[0])}
    return {"output_bound": bound}
