"""The reference backend: a cell's name to its plain PyTorch form, with the signature of the native one."""

from __future__ import annotations

from torch import Tensor

from unroll.kernels.gru import reference as gru
from unroll.kernels.lstm import reference as lstm
from unroll.kernels.states import States
from unroll.kernels.tanh_rnn import reference as tanh_rnn


def forward(
    cell: str,
    x: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    *,
    every: bool = True,
) -> States:
    """Run ``cell`` ("tanh_rnn", "relu_rnn", "lstm" or "gru") over all steps; ``every=False`` leaves ``y`` None."""
    if cell == "lstm":
        states = lstm.forward(x, w_ih, w_hh, b_ih, b_hh, h0, c0)
    elif cell == "gru":
        states = gru.forward(x, w_ih, w_hh, b_ih, b_hh, h0)
    else:
        nonlinearity = "relu" if cell == "relu_rnn" else "tanh"
        states = tanh_rnn.forward(x, w_ih, w_hh, b_ih, b_hh, h0, nonlinearity=nonlinearity)
    return states if every else states._replace(y=None)
