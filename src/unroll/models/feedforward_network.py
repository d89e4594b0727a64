"""A multilayer perceptron over a window, as a network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unroll.models.network import Network, fill_linear
from unroll.models.sliding import sliding
from unroll.streams.base import Generator


class FeedforwardNetwork(Network):
    """Linear layers of these ``widths``, tanh between them, over the last ``window`` steps, the newest first.

    ``state`` is the window before the step, (B, window, I).
    """

    def __init__(self, window: int, widths: Sequence[int], readout: Literal["last", "every"]):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self._window = window
        self._every = readout == "every"

    @property
    def window(self) -> int:
        """See Network."""
        return self._window

    def forward(self, x: Tensor) -> Tensor:
        """See Network."""
        if self._every:
            return self._perceptron(sliding(x, self._window))
        return self._perceptron(sliding(x[:, -self._window :], self._window)[:, -1])

    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """See Network."""
        if state is None:
            state = x_t.new_zeros(x_t.shape[0], self._window, x_t.shape[1])
        state = torch.cat([x_t.unsqueeze(1), state[:, :-1]], dim=1)
        return self._perceptron(state.flatten(1)), state

    def initialise(self, generator: Generator) -> None:
        """PyTorch's own scheme, layer by layer."""
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)  # noqa: S101 - a ModuleList does not say what it holds
            fill_linear(layer, generator)

    def _perceptron(self, windows: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer in hidden:
            windows = torch.tanh(layer(windows))
        output: Tensor = last(windows)
        return output
