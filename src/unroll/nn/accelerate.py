"""Swap the recurrent layers inside any model for those of ``unroll.nn``, in place."""

from __future__ import annotations

from typing import NamedTuple

import torch

from unroll.nn.gru import GRU
from unroll.nn.layer import why_not
from unroll.nn.lstm import LSTM
from unroll.nn.rnn import RNN

SWAPS: dict[type[torch.nn.Module], type[torch.nn.RNNBase]] = {
    torch.nn.RNN: RNN,
    torch.nn.LSTM: LSTM,
    torch.nn.GRU: GRU,
}


class Swap(NamedTuple):
    """One recurrent layer of a model: its name ("" for the model itself), its class, and what was done or why not."""

    name: str
    layer: str
    swapped: bool
    reason: str


def accelerate(model: torch.nn.Module) -> tuple[Swap, ...]:
    """Swap every torch.nn.RNN, LSTM and GRU in ``model`` for the same layer on the native kernels.

    In place: modules, parameters, buffers and hooks stay the objects that they were, so optimizers and references to
    layers stay valid. Subclasses of torch's layers are left alone, since they may compute something else.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.LSTM(2, 8, batch_first=True))
    >>> [swap.name for swap in accelerate(model)]
    ['0']
    """
    swaps = []
    for name, module in model.named_modules():
        if isinstance(module, tuple(SWAPS.values())):
            swaps.append(Swap(name, type(module).__name__, False, "runs on the native kernels already"))
        elif type(module) in SWAPS and isinstance(module, torch.nn.RNNBase):
            reason = why_not(module)
            if not reason:
                # The new class only overrides forward: changing it keeps everything else, and works for the root too.
                module.__class__ = SWAPS[type(module)]
            swaps.append(Swap(name, type(module).__name__, not reason, reason or "runs on the native kernels now"))
    return tuple(swaps)
