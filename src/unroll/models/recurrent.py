"""What tanh RNN, LSTM and GRU have in common: recurrent layers under a linear readout, and their settings."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from unroll.kernels.gates import ROW, SAVED_GATES
from unroll.models.sized import Sized

if TYPE_CHECKING:
    from torch import nn

    from unroll.models.network import Network


KEPT_BY_TORCH = {"tanh_rnn": (1, 4), "gru": (5, 11), "lstm": (9, 7)}
"""Numbers per unit and step that torch's layers keep at their peak, once and for each layer: measured at 64 units."""


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

    def kept(self, inputs: int, outputs: int, readout: Literal["last", "every"], backend: str) -> int:
        """See Model.

        The kernels keep of each unit its state and, where it has any, its gates (``unroll.kernels.gates``), in rows of
        a multiple of 16; between layers, and below a readout of every step, outputs and their gradients. What torch's
        layers keep was measured: see ``KEPT_BY_TORCH``.
        """
        hidden = self.width(inputs, outputs)
        if backend == "native":
            rows = -(-hidden // ROW) * ROW
            between = 2 * (self.layers - 1) + (2 if readout == "every" else 0)
            return self.layers * (1 + SAVED_GATES[str(self.cell)]) * rows + between * hidden
        once, each = KEPT_BY_TORCH[str(self.cell)]
        return (once + each * self.layers) * hidden

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """See Model."""
        from unroll.models.recurrent_network import RecurrentNetwork

        return RecurrentNetwork(self.recurrence(inputs, self.width(inputs, outputs)), outputs, readout)
