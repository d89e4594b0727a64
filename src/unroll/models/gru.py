"""The gated recurrent unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.models.recurrent import Recurrent

if TYPE_CHECKING:
    from torch import nn


class GRU(Recurrent):
    r"""GRU (Cho et al. 2014), in PyTorch's variant: gates r, z, n, the reset gate applied after the recurrent matrix.

    .. math::

        r, z &= \sigma(W_i x_t + b_i + W_h h_{t-1} + b_h) \quad\text{(each with its own rows)} \\
        n &= \tanh(W_{in} x_t + b_{in} + r (W_{hn} h_{t-1} + b_{hn})), \qquad h_t = (1 - z) n + z h_{t-1}
    """

    name = "gru"
    summary = "gated recurrent unit, reset gate after the matrix"
    title = "GRU"
    in_a_sentence = "the GRU"
    version = "1"
    cell = "gru"
    gates = 3
    sources = ("cho2014learning",)

    def recurrence(self, inputs: int, hidden: int) -> nn.RNNBase:
        """See Recurrent."""
        from torch import nn

        return nn.GRU(inputs, hidden, self.layers)
