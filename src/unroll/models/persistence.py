"""A trivial predictor: the last value again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from unroll.models.trivial import Trivial

if TYPE_CHECKING:
    from unroll.models.network import Network


class Persistence(Trivial):
    r"""The last value again: what predicts a sequence that does not change.

    .. math:: y_t = x_t
    """

    name = "persistence"
    summary = "the last value again, nothing learned"
    title = "persistence"
    in_a_sentence = "persistence"
    version = "1"
    memory = "none"

    def build(self, inputs: int, outputs: int, readout: Literal["last", "every"]) -> Network:
        """See Model."""
        from unroll.models.trivial_network import PersistenceNetwork

        return PersistenceNetwork(readout)
