"""What a layer returns over a whole sequence."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class States(NamedTuple):
    """All states and the last ones.

    ``y`` is (B, T, H), or None where only the last state was asked for; ``h_n`` is (B, H); ``c_n`` is (B, H) for
    the LSTM and None for the other cells.
    """

    y: Tensor | None
    h_n: Tensor
    c_n: Tensor | None = None
