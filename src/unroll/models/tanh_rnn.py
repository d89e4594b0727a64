"""The plain recurrent network with tanh units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from unroll.models.recurrent import Recurrent

if TYPE_CHECKING:
    from torch import nn


class TanhRNN(Recurrent):
    r"""Elman's network (1990), in PyTorch's variant: two biases.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    ``nonlinearity = "relu"`` puts a rectifier in place of tanh: the state, and with it the output, is then unbounded.
    """

    name = "tanh_rnn"
    summary = "the plain recurrent network, tanh units"
    version = "1"
    cell = "tanh_rnn"
    gates = 1
    sources = (
        """@article{elman1990finding,
  author  = {Elman, Jeffrey L.},
  title   = {Finding Structure in Time},
  journal = {Cognitive Science},
  volume  = {14},
  number  = {2},
  pages   = {179--211},
  year    = {1990},
  doi     = {10.1207/s15516709cog1402_1}
}""",
    )

    nonlinearity: Literal["tanh", "relu"] = "tanh"

    def recurrence(self, inputs: int, hidden: int) -> nn.RNNBase:
        """See Recurrent."""
        from torch import nn

        return nn.RNN(inputs, hidden, self.layers, nonlinearity=self.nonlinearity)
