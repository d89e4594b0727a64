"""A network that goes on by itself, step by step, in constant memory: with many sequences at once, or with a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal

import numpy as np
import torch

from unroll.axes import Float64
from unroll.models.network import Network
from unroll.streams.base import Generator
from unroll.tasks.numbers import Numbers

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
    output, state = read(network, coded)
    if prime == "twice":
        output, state = step(network, coded[:, -1], state)
    while True:
        value, past = task.coding.decode(output, past)
        yield value * scale
        output, state = step(network, output, state)


def teacher_forced(network: Network, task: Numbers, values: Float64, known: int) -> Iterator[Float64]:
    """Yield the prediction of each value of N sequences from the true ones before it, (N,), in the task's own units.

    ``values`` (N, n): the first ``known`` are the prompt; n - known predictions follow.
    """
    scale = task.scales(values[:, :known])
    scaled = values / scale[:, None]
    coded = task.coding.encode(scaled)
    past = task.coding.start(scaled[:, :known])
    output, state = read(network, coded[:, :known])
    for place in range(known, values.shape[1]):
        yield task.coding.decode(output, past)[0] * scale
        past = past.then(scaled[:, place])
        output, state = step(network, coded[:, place], state)


def read(network: Network, coded: Float64) -> tuple[Float64, Any]:
    """Read sequences (N, P) step by step; return the last output, (N,), and the state after it."""
    output, state = step(network, coded[:, 0], None)
    for place in range(1, coded.shape[1]):
        output, state = step(network, coded[:, place], state)
    return output, state


def step(network: Network, coded: Float64, state: Any) -> tuple[Float64, Any]:
    """Feed one value a sequence, (N,); return the output, (N,) in float64, and the state. Builds no graph."""
    with torch.inference_mode():
        x = torch.from_numpy(np.ascontiguousarray(coded)[:, None]).to(precision(network))
        output, state = network.step(x, state)
        return output[:, 0].to(torch.float64).numpy(), state


def written(network: Network, ids: Sequence[int], alphabet: int, draw: Generator | None) -> Iterator[int]:
    """Yield symbol after symbol of a text that begins with the symbols ``ids``, without end.

    Without ``draw`` the likeliest, of equally likely ones the first; else drawn by the network's probabilities. Each is
    what the network is fed next. Raises FloatingPointError where the network's answer is no number.
    """
    state, output = None, None
    for one in ids:
        output, state = _symbol(network, one, alphabet, state)
    while output is not None:
        if not np.isfinite(output).all():
            raise FloatingPointError("the network's answer is no number")
        if draw is None:
            one = int(output.argmax())
        else:
            shares = np.exp(output - output.max()).cumsum()
            one = int(np.searchsorted(shares, shares[-1] * draw.uniform(0.0, 1.0, (1,))[0], side="right"))
        yield one
        output, state = _symbol(network, one, alphabet, state)


def _symbol(network: Network, one: int, alphabet: int, state: Any) -> tuple[Float64, Any]:
    """Feed one symbol; return the answer, (A,) in float64, and the state. Builds no graph."""
    with torch.inference_mode():
        x = torch.zeros(1, alphabet, dtype=precision(network))
        x[0, one] = 1.0
        output, state = network.step(x, state)
        return output[0].to(torch.float64).numpy(), state


def precision(network: Network) -> torch.dtype:
    """Return the type in which a network computes: its parameters', its buffers', or float64 where it has none."""
    tensors = chain(network.parameters(), network.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float64)
