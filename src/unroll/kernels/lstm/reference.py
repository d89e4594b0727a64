"""The LSTM in plain PyTorch: what the native kernel is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from unroll.kernels.states import States


def forward(
    x: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
) -> States:
    """Run the LSTM of README.md over all steps; rows of the weights in torch's order: i, f, g, o.

    Shapes: x (B, T, I), w_ih (4H, I), w_hh (4H, H), b_ih and b_hh (4H,), h0 and c0 (B, H), zero where None.
    """
    B, T, _ = x.shape
    H = w_hh.shape[-1]
    h = x.new_zeros(B, H) if h0 is None else h0  # (B, H)
    c = x.new_zeros(B, H) if c0 is None else c0  # (B, H)
    steps = []
    for t in range(T):
        z = x[:, t] @ w_ih.mT + h @ w_hh.mT  # (B, 4H)
        if b_ih is not None:
            z = z + b_ih
        if b_hh is not None:
            z = z + b_hh
        i, f, g, o = z.chunk(4, dim=-1)  # (B, H) each
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        steps.append(h)
    return States(torch.stack(steps, dim=1), h, c)  # (B, T, H), (B, H), (B, H)
