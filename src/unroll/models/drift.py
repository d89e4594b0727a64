"""A trivial predictor: the last value and the last step again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from unroll.models.trivial import Trivial

if TYPE_CHECKING:
    from unroll.models.network import Network


class Drift(Trivial):
    r"""The last difference again: what predicts a sequence that grows evenly.

    .. math:: y_t = x_t + (x_t - x_{t-1})

    At the first step there is no difference yet, and it is the last value again.
    """

    name = "drift"
    summary = "the last value and the last step again, nothing learned"
    title = "drift"
    in_a_sentence = "drift"
    version = "1"
    memory = "window"

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """See Model."""
        from unroll.models.trivial_network import DriftNetwork

        return DriftNetwork(readout)
