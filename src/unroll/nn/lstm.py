"""``unroll.nn.LSTM``: the LSTM, in place of torch.nn.LSTM."""

from __future__ import annotations

from typing import Any

import torch

from unroll.nn.layer import Native, run


class LSTM(Native, torch.nn.LSTM):
    """torch.nn.LSTM on the native kernels: same constructor, same state_dict, same results.

    Layers, dropout, both directions, ``batch_first`` and packed sequences run on the CPU in float32 or float64 through
    the native kernels. Everything else (projections, other devices and types, autocast, ``torch.jit.trace``,
    forward-mode differentiation, an installation without kernels) goes to torch's own implementation, and so do calls
    of few steps, for which that is faster. The native kernels have no second derivative, and ``torch.jit.script`` is
    refused: ``unroll.decelerate`` is the way back.
    """

    def forward(self, input: Any, hx: Any = None) -> Any:  # noqa: A002 (torch's name)
        """Return what torch.nn.LSTM returns: the output, (B, T, D*H) where ``batch_first``, and the last state."""
        result = run(self, input, hx)
        return super().forward(input, hx) if result is None else result
