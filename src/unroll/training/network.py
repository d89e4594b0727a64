"""A trial's network: built without touching a global generator, then filled from the trial's own stream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from unroll.errors import BackendError, PlugInError
from unroll.kernels import Pick, pick
from unroll.models.resolve import resolve
from unroll.nn import accelerate, decelerate
from unroll.nn.layer import Native, cell_of, why_not
from unroll.streams import KeyedStreams
from unroll.streams.notebook import NotebookStreams
from unroll.training.examples import readout_of

if TYPE_CHECKING:
    from unroll.models.network import Network
    from unroll.streams import Generator, Streams
    from unroll.study import Trial


def streams_of(trial: Trial) -> Streams:
    """Return fresh streams of a trial, by its protocol."""
    if trial.protocol == "notebook":
        return NotebookStreams(trial.seed, resolve(trial).task.draws)
    return KeyedStreams(trial.seed)


def build_network(trial: Trial, generator: Generator) -> Network:
    """Return the trial's network with its initial weights, on the CPU, in float32, on the backend that it asks for.

    Raises PlugInError for a model that leaves a parameter or a buffer without a value.
    """
    network = _allocated(_on_meta(trial))
    with torch.no_grad():
        for _, tensor in _tensors(network):
            if tensor.is_floating_point():
                tensor.fill_(torch.nan)
    _put_on_backend(network, trial)
    network.initialise(generator)
    empty = [name for name, tensor in _tensors(network) if tensor.is_floating_point() and bool(tensor.isnan().any())]
    if empty:
        raise PlugInError(
            f'The model "{trial.model}" gives no initial value to {", ".join(empty)}. '
            "Fill every parameter and buffer in its initialise()."
        )
    return network


def backend_of(trial: Trial) -> Pick:
    """Return what computes a trial's network, and why: what its layers allow, not only what its model declares.

    Raises BackendError where the native backend is asked for and a layer cannot run on it.
    """
    return on_backend(trial)[1]


def on_backend(trial: Trial) -> tuple[Network, Pick]:
    """Return a trial's network on the backend that it asks for, with no values in its parameters, and what computes it.

    Raises as ``backend_of`` does.
    """
    network = _allocated(_on_meta(trial))
    return network, _put_on_backend(network, trial)


def _put_on_backend(network: Network, trial: Trial) -> Pick:
    """Swap a network's layers as its trial asks, and return what computes them then: the one place that decides."""
    asked = trial.train.backend
    wanted = resolve(trial).backend(trial)
    if asked == "reference" or trial.train.device != "cpu":
        decelerate(network)
    reasons = (
        {swap.name: swap.reason for swap in accelerate(network, always=True)} if wanted.backend == "native" else {}
    )
    native, alone = [], []
    for name, module in network.named_modules():
        if isinstance(module, Native) and isinstance(module, nn.RNNBase) and not why_not(module):
            module.always_native = True  # what is recorded computes every call
            native.append(module)
        elif isinstance(module, nn.RNNBase | nn.RNNCellBase):
            alone.append(f"{type(module).__name__} {name}: {reasons.get(name, 'it is left alone')}")
    if native and not alone:
        return wanted if wanted.backend == "native" else pick(cell_of(native[0]))
    if wanted.backend != "native" and not native:
        return wanted
    why = "; ".join(alone) or "its network has no layer that they compute"
    if asked == "native":
        raise BackendError(
            f'The native backend was asked for, but the model "{trial.model}" cannot run on it ({why}). '
            "Set train.backend to 'auto' or 'torch'."
        )
    if native:
        return replace(pick(cell_of(native[0])), backend="mixed", reason=f"native kernels but for {why}")
    return Pick("reference", f"the native kernels cannot run it: {why}")


def count_parameters(trial: Trial) -> int:
    """Return the number of trained parameters, without giving them memory."""
    return sum(parameter.numel() for parameter in _on_meta(trial).parameters() if parameter.requires_grad)


def _on_meta(trial: Trial) -> Network:
    task, model = resolve(trial)
    with torch.device("meta"):
        return model.build(task.inputs, task.outputs, readout_of(task.readout))


def _allocated(network: Network) -> Network:
    """Give a network on meta memory on the CPU, without values: as ``to_empty`` does, which first imports SymPy."""
    allocated: Network = network._apply(  # type: ignore[no-untyped-call]
        lambda tensor: torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
    )
    return allocated


def _tensors(network: Network) -> list[tuple[str, torch.Tensor]]:
    return [*network.named_parameters(), *network.named_buffers()]
