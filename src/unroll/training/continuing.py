"""A network that goes on by itself, step by step, in constant memory: with many sequences at once, or with a text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import torch

from unroll.axes import Float64
from unroll.kernels.updates import Steps
from unroll.models.network import Network
from unroll.streams.base import Generator
from unroll.tasks.numbers import Numbers
from unroll.training.native import steps_of

Prime = Literal["once", "twice"]


def free_running(network: Network, task: Numbers, prompt: Float64, prime: Prime) -> Iterator[Float64]:
    """Yield value after value of N sequences, (N,) in the task's own units, without end.

    ``prompt`` (N, P) is read first. "once": the output at its last value is the first prediction. "twice": its last
    value is fed once more, and the output at that is. What the network puts out is what it is fed next; only its state
    and the code's are kept.
    """
    scale = task.scales(prompt)
    scaled = prompt / scale[:, None]
    coded = task.coding.encode(scaled)
    past = task.coding.start(scaled)
    reader = reader_of(network)
    output, state = reader.read(coded[..., None])
    if prime == "twice":
        output, state = reader.read(coded[:, -1:, None], state)
    while True:
        value, past = task.coding.decode(output[:, 0], past)
        yield value * scale
        output, state = reader.read(output[:, None], state)


def teacher_forced(network: Network, task: Numbers, values: Float64, known: int) -> Iterator[Float64]:
    """Yield the prediction of each value of N sequences from the true ones before it, (N,), in the task's own units.

    ``values`` (N, n): the first ``known`` are the prompt; n - known predictions follow.
    """
    scale = task.scales(values[:, :known])
    scaled = values / scale[:, None]
    coded = task.coding.encode(scaled)
    past = task.coding.start(scaled[:, :known])
    reader = reader_of(network)
    output, state = reader.read(coded[:, :known, None])
    for place in range(known, values.shape[1]):
        yield task.coding.decode(output[:, 0], past)[0] * scale
        past = past.then(scaled[:, place])
        output, state = reader.read(coded[:, place : place + 1, None], state)


class Reader(ABC):
    """A network that is read step by step, and goes on where it was. No graph is built."""

    @abstractmethod
    def read(self, x: Float64, state: Any = None) -> tuple[Float64, Any]:
        """Read sequences (N, P, I) from a state on, None for the first; return the last output, (N, O), and the state.

        In float64, whatever the network computes in.
        """


class StepByStep(Reader):
    """Any network, through PyTorch."""

    def __init__(self, network: Network):
        self._network = network

    def read(self, x: Float64, state: Any = None) -> tuple[Float64, Any]:
        """See Reader."""
        with torch.inference_mode():
            steps = torch.from_numpy(np.ascontiguousarray(x.swapaxes(0, 1))).to(precision(self._network))
            for step in steps:
                output, state = self._network.step(step, state)
            return output.to(torch.float64).numpy(), state


class Natively(Reader):
    """A network that native code computes: the same bits on every processor. See ``unroll.training.native``."""

    def __init__(self, steps: Steps):
        self._steps = steps

    def read(self, x: Float64, state: Any = None) -> tuple[Float64, Any]:
        """See Reader."""
        output, state = self._steps.go(x.astype(np.float32), state)
        return output.astype(np.float64), state


def reader_of(network: Network) -> Reader:
    """Return what reads a network: native code where it can."""
    steps = steps_of(network)
    return StepByStep(network) if steps is None else Natively(steps)


def written(network: Network, ids: Sequence[int], alphabet: int, draw: Generator | None) -> Iterator[int]:
    """Yield symbol after symbol of a text that begins with the symbols ``ids``, without end.

    Without ``draw`` the likeliest, of equally likely ones the first; else drawn by the network's probabilities. Each is
    what the network is fed next. Raises FloatingPointError where the network's answer is no number.
    """
    reader, state, output = reader_of(network), None, None
    for one in ids:
        output, state = reader.read(_symbol(one, alphabet), state)
    while output is not None:
        if not np.isfinite(output).all():
            raise FloatingPointError("the network's answer is no number")
        if draw is None:
            one = int(output.argmax())
        else:
            shares = np.exp(output[0] - output[0].max()).cumsum()
            one = int(np.searchsorted(shares, shares[-1] * draw.uniform(0.0, 1.0, (1,))[0], side="right"))
        yield one
        output, state = reader.read(_symbol(one, alphabet), state)


def _symbol(one: int, alphabet: int) -> Float64:
    """Return a symbol as a network reads it, (1, 1, A): a one among zeros."""
    x = np.zeros((1, 1, alphabet))
    x[0, 0, one] = 1.0
    return x


def precision(network: Network) -> torch.dtype:
    """Return the type in which a network computes: its parameters', its buffers', or float64 where it has none."""
    tensors = chain(network.parameters(), network.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float64)
