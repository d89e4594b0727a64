"""Recurrent layers under a linear readout, as a network."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor, nn

from unroll.models.network import Bounded, Network, fill_linear, fill_uniform
from unroll.nn import GRU, LSTM, RNN
from unroll.nn.layer import through, why_not
from unroll.streams.base import Generator


class RecurrentNetwork(Network, Bounded):
    """``recurrence`` (time first, one direction), then ``readout`` on its last step or on every step.

    The last step is read from the last state, not from the outputs: their gradient, (T, B, H) and almost all zeros, is
    then never made.

    ``state`` is PyTorch's: (L, B, H), or a pair of them for the LSTM.
    """

    def __init__(self, recurrence: nn.RNNBase, outputs: int, readout: Literal["last", "every"]):
        super().__init__()
        self.recurrence = recurrence
        self.readout = nn.Linear(recurrence.hidden_size, outputs)
        self._every = readout == "every"

    def forward(self, x: Tensor) -> Tensor:
        """See Network."""
        if isinstance(self.recurrence, RNN | LSTM | GRU) and not why_not(self.recurrence):
            native: Tensor = self.readout(through(self.recurrence, x, every=self._every))
            return native
        hidden, state = self.recurrence(x.transpose(0, 1).contiguous())  # (T, B, H), (L, B, H)
        if self._every:
            output: Tensor = self.readout(hidden).transpose(0, 1)
            return output
        last: Tensor = self.readout((state[0] if isinstance(state, tuple) else state)[-1])
        return last

    def step(self, x_t: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """See Network."""
        hidden, state = self.recurrence(x_t.unsqueeze(0), state)  # (1, B, H)
        return self.readout(hidden[0]), state

    def flat(self, state: Any) -> Tensor:
        """See Network: of each sequence h layer by layer, then, of an LSTM, c."""
        parts = state if isinstance(state, tuple) else (state,)
        return torch.cat([part.transpose(0, 1).flatten(1) for part in parts], dim=1)

    def unflat(self, flat: Tensor, like: Any) -> Any:
        """See Network."""
        parts = like if isinstance(like, tuple) else (like,)
        layers, _, width = parts[0].shape
        rows = flat.chunk(len(parts), dim=1)
        back = tuple(row.reshape(-1, layers, width).transpose(0, 1).contiguous() for row in rows)
        return back if isinstance(like, tuple) else back[0]

    def parts(self, state: Any) -> dict[str, slice]:
        """See Network."""
        if not isinstance(state, tuple):
            return {}
        size = state[0][:, 0].numel()
        return {"h": slice(0, size), "c": slice(size, 2 * size)}

    def initialise(self, generator: Generator) -> None:
        """PyTorch's own scheme, in its order: the recurrence uniform, within 1/sqrt(H) of zero, then the readout."""
        bound = 1.0 / math.sqrt(self.recurrence.hidden_size)
        for parameter in self.recurrence.parameters():
            fill_uniform(parameter, bound, generator)
        fill_linear(self.readout, generator)

    @torch.no_grad()
    def output_bound(self) -> float | None:
        r"""See Bounded: the states of tanh RNN, LSTM and GRU lie in [-1, 1]; those of ReLU units have no bound.

        .. math:: |w \cdot h + b| \le \|w\|_1 + |b| \quad\text{for}\quad h \in [-1, 1]^H
        """
        if isinstance(self.recurrence, nn.RNN) and self.recurrence.nonlinearity != "tanh":
            return None
        weights, biases = self.readout.weight.double().abs(), self.readout.bias.double().abs()
        rows = zip(weights.tolist(), biases.tolist(), strict=True)
        return float(max(math.fsum(row) + bias for row, bias in rows))  # rounded once: no order of the sum decides
