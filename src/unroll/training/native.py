"""Whole updates in native code: which trainings have them, and how they are made.

The Python loop is the reference. What the native one covers: one recurrent layer of ``unroll.nn`` under a linear
readout, on the CPU, with the losses of ``unroll.objectives``. What it does not cover goes through the Python loop, and
a trial's numerics say which it was.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from unroll import registry
from unroll.axes import Float64, Int64
from unroll.capabilities import Continues
from unroll.errors import BackendError
from unroll.kernels import pick
from unroll.kernels.pick import HALF_INSTRUCTIONS, products_in
from unroll.kernels.updates import Counted, Made, Readout, Rule, Sequences, Steps, Updates, Wanted
from unroll.models.network import Network
from unroll.models.recurrent_network import RecurrentNetwork
from unroll.models.resolve import resolve
from unroll.nn.layer import Native, cell_of, why_not
from unroll.objectives import Objective
from unroll.objectives.cross_entropy import CrossEntropy
from unroll.objectives.mse import MSE
from unroll.study import TrainSettings, Trial
from unroll.training.devices import device_of
from unroll.training.examples import Examples
from unroll.training.network import on_backend
from unroll.training.numerics import cpu_model, numerics
from unroll.training.optimizers import ParameterVector

MEASURES = "2"
"""Goes up where a trained network is asked otherwise; the first went step by step through PyTorch."""
SCHEDULE = "2"
"""Goes up where a learning rate comes out otherwise; the powers of the first were the C library's."""
STATE = {
    "adam": {"average": "exp_avg", "square": "exp_avg_sq"},
    "adamw": {"average": "exp_avg", "square": "exp_avg_sq"},
    "rmsprop": {"square": "square_avg"},
    "sgd": {},
}
"""What torch.optim calls the vectors that each optimizer keeps."""


def numerics_of(trial: Trial) -> dict[str, str]:
    """Return everything that the bits of a trial's result depend on; see ``unroll.training.numerics``."""
    network, chosen = on_backend(trial)
    updates = _updates(trial, network)
    versions = _versions(trial, network, updates != "python") | _products(trial)
    return numerics(chosen, device_of(trial), updates, versions)


def _updates(trial: Trial, network: Network) -> Literal["python", "native", "whole"]:
    """Return what makes a trial's updates and evaluations: "whole" where native code makes all of its result.

    Draws of the notebook protocol are PyTorch's. What a task or a model that does not come with unroll computes with,
    nobody sees from outside: who compares results of two processors must allow for it, see ``registry.foreign``.
    """
    if resolve(trial).model.fitted or _why_python(trial, network):
        return "python"
    return "whole" if trial.protocol == "keyed" else "native"


def _products(trial: Trial) -> dict[str, str]:
    """Return what multiplies where that is not float32: the order of its sums is its own, perhaps the processor's."""
    products = products_of(trial)
    if products == "float32":
        return {}
    return {"products": f"bfloat16, {HALF_INSTRUCTIONS[products]}", "cpu": cpu_model()}


def products_of(trial: Trial) -> str:
    """Return what multiplies in a trial's updates: "float32", or the instruction for bfloat16.

    Raises BackendError where it asks for bfloat16 and its updates are not made in native code, or the processor has no
    such instruction.
    """
    precision = trial.train.precision
    if precision != "float32":
        why = (
            "it is fitted, and makes none" if resolve(trial).model.fitted else _why_python(trial, on_backend(trial)[0])
        )
        if why:
            raise BackendError(
                f'Products in bfloat16 were asked for, but native code does not make the updates of "{trial.model}": '
                f"{why}. Set train.precision to 'float32' for it."
            )
    return products_in(precision)


def _why_python(trial: Trial, network: Network) -> str:
    objective = registry.objectives.load(resolve(trial).task.objective)
    return why_not_native(network, objective, trial.train)


def _versions(trial: Trial, network: Network, native: bool) -> dict[str, str]:
    """Return the versions of what else makes numbers of a trial, those that are not the first.

    "measures": what is asked of a recurrent network when it has been trained: to continue, and its last step.
    "schedule": native updates with powers of a factor.
    """
    task = resolve(trial).task
    continued = isinstance(task, Continues) and type(network) is RecurrentNetwork
    last = native and task.readout == "every" and task.objective == "mse"
    stepwise = native and trial.train.schedule == "step"
    return {**({"measures": MEASURES} if continued or last else {}), **({"schedule": SCHEDULE} if stepwise else {})}


def why_not_native(network: Network, objective: type[Objective], settings: TrainSettings) -> str:
    """Return why native code does not make a network's updates; "" where it does."""
    if settings.device != "cpu":
        return "it is trained on a GPU"
    why = _why_not_native(network)
    if why:
        return why
    if objective not in (MSE, CrossEntropy):
        return f'the native code does not have the loss "{objective.name}"'
    if not all(parameter.requires_grad for parameter in network.parameters()):
        return "some of its parameters are not trained"
    return ""


def _why_not_native(network: Network) -> str:
    if type(network) is not RecurrentNetwork:
        return "its network is not a recurrent layer under a linear readout"
    layer = network.recurrence
    if not isinstance(layer, Native) or not layer.always_native or why_not(layer):
        return "its layer does not run on the native kernels"
    if layer.num_layers > 1 or layer.bidirectional or not layer.bias or layer.weight_ih_l0.dtype != torch.float32:
        return "it has not one layer, in one direction, with biases, in float32"
    return ""


def steps_of(network: Network) -> Steps | None:
    """Return native steps on a copy of a network's weights; None where native code does not make them."""
    if _why_not_native(network):
        return None
    assert isinstance(network, RecurrentNetwork)  # noqa: S101 - just seen
    layer: nn.RNNBase = network.recurrence
    weights = np.concatenate([_array(parameter).ravel() for parameter in network.parameters()])
    cell = cell_of(layer)
    return Steps(cell, layer.hidden_size, network.readout.out_features, pick(cell).isa, weights)


class NativeUpdates:
    """The updates of a training on its own tensors: the parameters, and what the optimizer keeps of them."""

    def __init__(
        self,
        network: Network,
        vector: ParameterVector,
        optimizer: torch.optim.Optimizer,
        settings: TrainSettings,
        readout: Readout,
        products: str,
    ):
        assert isinstance(network, RecurrentNetwork)  # noqa: S101 - see why_not_native
        self._network, self._settings, self._readout = network, settings, readout
        self._vector, self._optimizer, self._products = vector, optimizer, products
        self._updates: Updates | None = None

    def want(self, examples: Examples, order: Int64, rates: Float64, seconds: float) -> Wanted:
        """Ask for updates on the sequences with these numbers, see ``Updates.make``."""
        return Wanted(self._begun(), self._sequences(examples), order, self._settings.batch, rates, seconds)

    def take(self, wanted: Wanted) -> Made:
        """Count and return the updates that were made of those that were asked for."""
        made = wanted.made()
        state = self._optimizer.state[self._vector.values]
        if "step" in state:
            state["step"] += len(made.losses)
        return made

    def evaluate(self, examples: Examples, first: int, count: int) -> Counted:
        """Evaluate sequences from ``first`` on."""
        return self._begun().evaluate(self._sequences(examples), first, count)

    def last(self, examples: Examples) -> Counted:
        """Evaluate the last step of all sequences, whose targets are numbers at every one."""
        inputs, outputs = self._network.recurrence.input_size, self._network.readout.out_features
        y = np.ascontiguousarray(examples.y.numpy()[:, -1:])
        sequences = Sequences(examples.x.numpy(), y, None, None, inputs, outputs, "last")
        return self._begun().evaluate(sequences, 0, len(examples))

    def _sequences(self, examples: Examples) -> Sequences:
        held = examples.cache.get("native")
        if held is None:
            at, asked = (None if one is None else one.numpy() for one in (examples.at, examples.asked))
            inputs, outputs = self._network.recurrence.input_size, self._network.readout.out_features
            held = Sequences(examples.x.numpy(), examples.y.numpy(), at, asked, inputs, outputs, self._readout)
            examples.cache["native"] = held
        return held

    def _begun(self) -> Updates:
        if self._updates is None:
            group = self._optimizer.param_groups[0]
            settings = self._settings
            names = dict(STATE[settings.optimizer])
            if settings.momentum:
                names["velocity"] = "momentum_buffer"
            state: dict[str, Any] = self._optimizer.state[self._vector.values]
            for name in names.values():
                state.setdefault(name, torch.zeros_like(self._vector.values))
            if settings.optimizer != "sgd":
                state.setdefault("step", torch.zeros(()))
            beta1, beta2 = group.get("betas", (0.0, 0.0))
            rule = Rule(
                settings.optimizer,
                beta1,
                beta2,
                group.get("eps", 0.0),
                group.get("alpha", 0.0),
                settings.momentum,
                settings.weight_decay,
                math.inf if settings.clip_norm is None else settings.clip_norm,
                math.inf if settings.clip_value is None else settings.clip_value,
            )
            vectors = {ours: _array(state[theirs]) for ours, theirs in names.items()}
            layer: nn.RNNBase = self._network.recurrence
            cell, before = cell_of(layer), int(state["step"]) if "step" in state else 0
            self._updates = Updates(
                cell,
                layer.hidden_size,
                pick(cell).isa,
                rule,
                _array(self._vector.values),
                vectors,
                before,
                self._products,
            )
        return self._updates


def _array(tensor: Tensor) -> Any:
    return tensor.detach().numpy()
