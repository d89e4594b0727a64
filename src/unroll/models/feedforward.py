"""A multilayer perceptron over the last few values: memory by a window in place of a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from unroll.models.sized import Sized

if TYPE_CHECKING:
    from unroll.models.network import Network


class Feedforward(Sized):
    r"""An MLP with tanh units over a sliding window of ``window`` steps, of which it sees nothing else.

    .. math:: h = \tanh(W_1 [x_t, x_{t-1}, \ldots, x_{t-w+1}] + b_1), \quad \ldots, \quad y_t = W h + b

    Before the first step the window holds zeros. ``parameters``: see Sized.
    """

    name = "feedforward"
    summary = "a multilayer perceptron over a window of the last values"
    title = "feedforward"
    in_a_sentence = "the feedforward network"
    version = "1"
    memory = "window"
    tags = ("feedforward",)
    sources = ("rumelhart1986learning",)

    window: Annotated[int, Field(ge=1, le=100_000)] = 8

    def count(self, hidden: int, inputs: int, outputs: int) -> int:
        """See Sized."""
        first = hidden * (self.window * inputs + 1)
        return first + (self.layers - 1) * hidden * (hidden + 1) + outputs * (hidden + 1)

    @property
    def reach(self) -> int:
        """See Model."""
        return self.window

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """See Model."""
        from unroll.models.feedforward_network import FeedforwardNetwork

        hidden = self.width(inputs, outputs)
        widths = (self.window * inputs, *[hidden] * self.layers, outputs)
        return FeedforwardNetwork(self.window, widths, readout)
