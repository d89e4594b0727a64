"""What tanh RNN, LSTM and GRU have in common: recurrent layers under a linear readout, and their settings."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from unroll.models.sized import Sized

if TYPE_CHECKING:
    from torch import nn

    from unroll.models.network import Network


class Recurrent(Sized):
    """A recurrent model: ``hidden`` units in each of ``layers`` layers, and a linear readout of the last layer.

    ``parameters``: see Sized. ``gates`` counts the blocks of H rows in a layer's matrices.
    """

    tags: ClassVar[tuple[str, ...]] = ("recurrent",)
    gates: ClassVar[int]

    @abstractmethod
    def recurrence(self, inputs: int, hidden: int) -> nn.RNNBase:
        """Return the recurrent layers of ``hidden`` units for ``inputs`` inputs a step; sequences come time first."""

    def count(self, hidden: int, inputs: int, outputs: int) -> int:
        """See Sized: two matrices and two biases a layer, and the readout."""
        first = hidden * (inputs + hidden + 2)
        further = (self.layers - 1) * hidden * (2 * hidden + 2)
        return self.gates * (first + further) + outputs * (hidden + 1)

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """See Model."""
        from unroll.models.recurrent_network import RecurrentNetwork

        return RecurrentNetwork(self.recurrence(inputs, self.width(inputs, outputs)), outputs, readout)
