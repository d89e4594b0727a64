"""Persistence and drift, as networks without parameters."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from unroll.models.network import Network
from unroll.streams.base import Generator


class TrivialNetwork(Network):
    """A network that holds nothing."""

    def __init__(self, readout: Literal["last", "every"]):
        super().__init__()
        self._every = readout == "every"

    def initialise(self, generator: Generator) -> None:
        """Nothing to fill."""


class PersistenceNetwork(TrivialNetwork):
    """The last value again; no state."""

    def forward(self, x: Tensor) -> Tensor:
        """See Network."""
        return x.clone() if self._every else x[:, -1].clone()

    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """See Network."""
        return x_t.clone(), None


class DriftNetwork(TrivialNetwork):
    """The last difference again; ``state`` is the value before, (B, I)."""

    def forward(self, x: Tensor) -> Tensor:
        """See Network."""
        before = torch.cat([x[:, :1], x[:, :-1]], dim=1)
        ahead = x + (x - before)
        return ahead if self._every else ahead[:, -1]

    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """See Network."""
        return x_t + (x_t - (x_t if state is None else state)), x_t
