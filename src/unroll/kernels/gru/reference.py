"""The GRU in plain PyTorch: what the native kernel is compared with."""

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
) -> States:
    """Run the GRU of README.md over all steps; rows of the weights in torch's order: r, z, n.

    Shapes: x (B, T, I), w_ih (3H, I), w_hh (3H, H), b_ih and b_hh (3H,), h0 (B, H), zero where None.
    """
    B, T, _ = x.shape
    h = x.new_zeros(B, w_hh.shape[-1]) if h0 is None else h0  # (B, H)
    steps = []
    for t in range(T):
        from_x = x[:, t] @ w_ih.mT  # (B, 3H)
        from_h = h @ w_hh.mT  # (B, 3H)
        if b_ih is not None:
            from_x = from_x + b_ih
        if b_hh is not None:
            from_h = from_h + b_hh
        xr, xz, xn = from_x.chunk(3, dim=-1)  # (B, H) each
        hr, hz, hn = from_h.chunk(3, dim=-1)
        r = torch.sigmoid(xr + hr)
        z = torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        h = (1 - z) * n + z * h
        steps.append(h)
    return States(torch.stack(steps, dim=1), h)  # (B, T, H), (B, H)
