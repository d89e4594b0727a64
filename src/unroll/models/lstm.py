"""Long short-term memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unroll.models.recurrent import Recurrent

if TYPE_CHECKING:
    from torch import nn


class LSTM(Recurrent):
    r"""LSTM with a forget gate (Gers et al. 2000), in PyTorch's variant: gates i, f, g, o; two biases, no peepholes.

    .. math::

        i, f, o &= \sigma(W_i x_t + b_i + W_h h_{t-1} + b_h) \quad\text{(each with its own rows)} \\
        g &= \tanh(\ldots), \qquad c_t = f c_{t-1} + i g, \qquad h_t = o \tanh(c_t)

    The forget bias starts like every other weight, uniform around zero; it is not set to 1.
    """

    name = "lstm"
    summary = "long short-term memory, with forget gate"
    title = "LSTM"
    in_a_sentence = "the LSTM"
    version = "1"
    cell = "lstm"
    gates = 4
    sources = ("gers2000learning",)

    def recurrence(self, inputs: int, hidden: int) -> nn.RNNBase:
        """See Recurrent."""
        from torch import nn

        return nn.LSTM(inputs, hidden, self.layers)
