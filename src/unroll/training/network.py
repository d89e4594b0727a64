"""A trial's network: built without touching a global generator, then filled from the trial's own stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from unroll import registry
from unroll.errors import PlugInError
from unroll.kernels import pick
from unroll.nn import accelerate

if TYPE_CHECKING:
    from unroll.models import Model
    from unroll.models.network import Network
    from unroll.streams import Generator
    from unroll.study import Trial
    from unroll.tasks import Task


def task_of(trial: Trial) -> Task:
    """Return the trial's task with its settings."""
    task: Task = registry.tasks.load(trial.task)(**trial.task_settings)
    return task


def model_of(trial: Trial) -> Model:
    """Return the trial's model with its settings."""
    model: Model = registry.models.load(trial.model)(**trial.model_settings)
    return model


def build_network(trial: Trial, generator: Generator) -> Network:
    """Return the trial's network with its initial weights, on the CPU, in float32, on the backend that it asks for.

    Raises PlugInError for a model that leaves a parameter or a buffer without a value.
    """
    network = _on_meta(trial).to_empty(device="cpu")
    with torch.no_grad():
        for _, tensor in _tensors(network):
            if tensor.is_floating_point():
                tensor.fill_(torch.nan)
    if pick(model_of(trial).cell, backend=trial.train.backend).backend == "native":
        accelerate(network)
    network.initialise(generator)
    empty = [name for name, tensor in _tensors(network) if tensor.is_floating_point() and bool(tensor.isnan().any())]
    if empty:
        raise PlugInError(
            f'The model "{trial.model}" gives no initial value to {", ".join(empty)}. '
            "Fill every parameter and buffer in its initialise()."
        )
    return network


def count_parameters(trial: Trial) -> int:
    """Return the number of trained parameters, without giving them memory."""
    return sum(parameter.numel() for parameter in _on_meta(trial).parameters() if parameter.requires_grad)


def _on_meta(trial: Trial) -> Network:
    task = task_of(trial)
    with torch.device("meta"):
        return model_of(trial).build(task.inputs, task.outputs, task.readout)


def _tensors(network: Network) -> list[tuple[str, torch.Tensor]]:
    return [*network.named_parameters(), *network.named_buffers()]
