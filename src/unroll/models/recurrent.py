"""What tanh RNN, LSTM and GRU have in common: recurrent layers under a linear readout, and their settings."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from unroll.models.base import Model

if TYPE_CHECKING:
    from torch import nn

    from unroll.models.network import Network


class Recurrent(Model):
    """A recurrent model: ``hidden`` units in each of ``layers`` layers, and a linear readout of the last layer."""

    tags: ClassVar[tuple[str, ...]] = ("recurrent",)

    hidden: Annotated[int, Field(ge=1, le=65_536)] = 64
    layers: Annotated[int, Field(ge=1, le=1_000)] = 1

    @abstractmethod
    def recurrence(self, inputs: int) -> nn.RNNBase:
        """Return the recurrent layers for ``inputs`` inputs a step; sequences come time first."""

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """See Model."""
        from unroll.models.recurrent_network import RecurrentNetwork

        return RecurrentNetwork(self.recurrence(inputs), outputs, readout)
