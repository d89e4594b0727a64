"""The minimal gated unit under a linear readout, as a network."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from unroll.models.network import Network, fill_uniform
from unroll.streams import Generator


class MGUNetwork(Network):
    """One layer, step by step in Python; the state is h, (B, H)."""

    def __init__(self, inputs: int, hidden: int, outputs: int, readout: Literal["last", "every"]):
        super().__init__()
        self.gate = nn.Linear(inputs + hidden, hidden)  # W_f, U_f and b_f
        self.candidate = nn.Linear(inputs + hidden, hidden)  # W_h, U_h and b_h
        self.readout = nn.Linear(hidden, outputs)
        self._every = readout == "every"

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, I) to (B, O), or to (B, T, O)."""
        h = None
        outputs = []
        for x_t in x.unbind(dim=1):
            h = self._advance(x_t, h)
            outputs.append(h)
        return self.readout(torch.stack(outputs, dim=1) if self._every else h)

    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Map (B, I) and the state before it to (B, O) and the state."""
        h = self._advance(x_t, state)
        return self.readout(h), h

    def _advance(self, x_t: Tensor, h: Tensor | None) -> Tensor:
        if h is None:
            h = x_t.new_zeros(len(x_t), self.readout.in_features)
        f = torch.sigmoid(self.gate(torch.cat([x_t, h], dim=1)))  # (B, H)
        candidate = torch.tanh(self.candidate(torch.cat([x_t, f * h], dim=1)))  # (B, H)
        return (1 - f) * h + f * candidate

    def initialise(self, generator: Generator) -> None:
        """Everything uniform, within 1/sqrt(H) of zero, as PyTorch starts its recurrent layers."""
        for parameter in self.parameters():
            fill_uniform(parameter, self.readout.in_features**-0.5, generator)
