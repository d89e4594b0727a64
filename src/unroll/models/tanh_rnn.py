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
    title = "tanh RNN"
    in_a_sentence = "the tanh RNN"
    version = "1"
    cell = "tanh_rnn"
    gates = 1
    sources = ("elman1990finding",)

    nonlinearity: Literal["tanh", "relu"] = "tanh"

    def recurrence(self, inputs: int, hidden: int) -> nn.RNNBase:
        """See Recurrent."""
        from torch import nn

        return nn.RNN(inputs, hidden, self.layers, nonlinearity=self.nonlinearity)
