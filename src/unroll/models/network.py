"""What a built model offers to training, measuring and generation: a plain module with a few methods more."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from unroll.streams.base import Generator


class Network(nn.Module, ABC):
    """A plain ``nn.Module`` over whole sequences that can also go step by step.

    ``forward`` and ``step`` agree: the outputs of T calls of ``step`` are those of one call of ``forward``.
    """

    @property
    def window(self) -> int:
        """How many values an output rests on, where that is a window; 1 where a state holds what came before."""
        return 1

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, I) to (B, O) for a readout on the last step, to (B, T, O) for one on every step."""

    @abstractmethod
    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Map one step (B, I) and the state before it (None: the initial one) to the output (B, O) and the state."""

    @abstractmethod
    def initialise(self, generator: Generator) -> None:
        """Fill every parameter and buffer in place, drawing from ``generator`` and from nothing else."""

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Find what there is to find in the training split, (N, T, I) and its targets: once, where a model is fitted.

        A model without anything to find, such as the last value again, leaves this as it is.
        """
        return

    def flat(self, state: Any) -> Tensor:
        """Return the numbers of a state that ``step`` gave, a row per sequence: (B, S), differentiable.

        Here: every floating tensor in it, (B, ...), in the order of tuples, lists and dicts; other leaves, such as
        counters, hold no numbers. A network whose state has its batch elsewhere overrides this with ``unflat``. Raises
        ValueError for a state without numbers.
        """
        rows = [leaf.flatten(1) for leaf in _leaves(state)]
        if not rows:
            raise ValueError(f"{type(self).__name__} keeps no state that could be looked at.")
        return torch.cat(rows, dim=1)

    def unflat(self, flat: Tensor, like: Any) -> Any:
        """Return the state with these numbers, (B, S), that is in all else the one that ``flat`` was given."""
        sizes = [leaf[0].numel() for leaf in _leaves(like)]
        return _rebuilt(like, iter(torch.split(flat, sizes, dim=1)))

    def parts(self, state: Any) -> dict[str, slice]:
        """Return where the named parts of a state lie in ``flat``, such as "h" and "c"; {} for a state of one part."""
        return {}


def _leaves(state: Any) -> Iterator[Tensor]:
    """Yield the floating tensors of a state."""
    if isinstance(state, Tensor) and state.is_floating_point():
        yield state
    elif isinstance(state, tuple | list):
        for part in state:
            yield from _leaves(part)
    elif isinstance(state, dict):
        yield from _leaves(list(state.values()))


def _rebuilt(state: Any, rows: Iterator[Tensor]) -> Any:
    """Return a state like this one, with these rows (B, n) in the place of its floating tensors."""
    if isinstance(state, Tensor) and state.is_floating_point():
        return next(rows).reshape(-1, *state.shape[1:])
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        return type(state)(*(_rebuilt(part, rows) for part in state))
    if isinstance(state, tuple | list):
        return type(state)(_rebuilt(part, rows) for part in state)
    if isinstance(state, dict):
        return {name: _rebuilt(part, rows) for name, part in state.items()}
    return state


class Explains(ABC):
    """A network that can say the rule that it found."""

    @abstractmethod
    def rule(self, symbol: str = "x") -> str:
        """Return what was found, in words: "x(t+1) = 2 x(t) - x(t-1)"; "" where it cannot be said.

        ``symbol`` names what the network was given: "u" where that is a code of the numbers.
        """


class Bounded(ABC):
    """A network whose outputs may have a bound that no input, however long, leads beyond."""

    @abstractmethod
    def output_bound(self) -> float | None:
        """Return the largest absolute output that its weights allow; None where its settings leave it unbounded."""


@torch.no_grad()
def fill_uniform(tensor: Tensor, bound: float, generator: Generator) -> None:
    """Fill a tensor in place with numbers uniform in [-bound, bound)."""
    drawn = generator.uniform(-bound, bound, tuple(tensor.shape))
    tensor.copy_(torch.from_numpy(drawn))


def fill_linear(layer: nn.Linear, generator: Generator) -> None:
    """Fill a linear layer by PyTorch's own scheme, in its order: weight and bias, uniform.

    Both are within 1/sqrt(inputs) of zero. The weight follows ``kaiming_uniform_`` with a = sqrt(5), whose bound equals
    that up to rounding.
    """
    gain = math.sqrt(2.0 / (1 + math.sqrt(5.0) ** 2))
    fill_uniform(layer.weight, math.sqrt(3.0) * (gain / math.sqrt(layer.in_features)), generator)
    fill_uniform(layer.bias, 1.0 / math.sqrt(layer.in_features), generator)
