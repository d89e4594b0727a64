"""The simple recurrent network in plain PyTorch: what the native kernel is compared with."""

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
    *,
    nonlinearity: str = "tanh",
) -> States:
    """Run h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh) over all steps; ``nonlinearity="relu"`` takes max(0, .).

    Shapes: x (B, T, I), w_ih (H, I), w_hh (H, H), b_ih and b_hh (H,), h0 (B, H), zero where None.
    """
    squash = torch.tanh if nonlinearity == "tanh" else torch.relu
    B, T, _ = x.shape
    h = x.new_zeros(B, w_hh.shape[-1]) if h0 is None else h0  # (B, H)
    steps = []
    for t in range(T):
        z = x[:, t] @ w_ih.mT + h @ w_hh.mT  # (B, H)
        if b_ih is not None:
            z = z + b_ih
        if b_hh is not None:
            z = z + b_hh
        h = squash(z)  # (B, H)
        steps.append(h)
    return States(torch.stack(steps, dim=1), h)  # (B, T, H), (B, H)
