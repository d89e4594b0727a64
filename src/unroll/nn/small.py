"""Which calls are faster on torch's own layer: a fixed rule of sizes, instruction set and the need of gradients.

A call of the native kernels reads the weights into an order of their own, and crosses from Python to C++ with a dozen
tensors; a few steps do not earn that back. Torch's wide LSTM (oneDNN) is faster in calls of any size, on one make of
processor at least. Forward alone, reading the weights weighs more: of few sequences more steps are needed. And without
AVX-512 torch's LSTM and RNN are then faster where a step's product of state and weights is large. The bounds come from
the grid of benchmarks/layers.py; nothing is measured while a model runs.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_STEPS = {"RNN_TANH": 12, "RNN_RELU": 12, "GRU": 6, "LSTM": 1}
"""Fewer steps than these, and torch's layer is faster; above WIDTH hidden units, so many times more steps."""

WIDTH = 128

FORWARD_STEPS = {"RNN_TANH": 20, "RNN_RELU": 20, "GRU": 10, "LSTM": 1}
"""The same where no gradients are needed, for WIDTH hidden units; fewer units need less, but never less than above."""

WIDEST_LSTM = {"v2": 64, "v3": 64, "v4": 96}
"""Hidden units above which torch's LSTM is faster, by instruction set: on v4 of one to sixteen sequences."""

LARGE = {"LSTM": 1 << 16, "RNN_TANH": 1 << 18, "RNN_RELU": 1 << 18}
"""Sequences times hidden units squared from which torch's layer is faster forward alone, without AVX-512."""

NARROW = ("v2", "v3")
"""The instruction sets without AVX-512."""


def torchs_is_faster_always(layer: torch.nn.RNNBase, isa: str) -> str:
    """Return why torch's own layer is faster than the kernels of an instruction set in calls of any size, else ""."""
    if layer.mode == "LSTM" and layer.hidden_size > WIDEST_LSTM.get(isa, layer.hidden_size):
        return f"torch's own LSTM of {layer.hidden_size} units is faster than the kernels on instruction set {isa}"
    return ""


def torchs_is_faster(layer: torch.nn.RNNBase, x: Tensor, isa: str) -> bool:
    """Whether torch's own layer is faster in a call of such sizes: x is (T, B, I) in the layer's order, or (T, I)."""
    if x.dim() not in (2, 3):
        return False
    first = x.shape[:2] if x.dim() == 3 else (x.shape[0], 1)
    steps, sequences = first[::-1] if x.dim() == 3 and layer.batch_first else first
    if steps * WIDTH < LEAST_STEPS[layer.mode] * max(WIDTH, layer.hidden_size):
        return True
    few = steps * WIDTH < FORWARD_STEPS[layer.mode] * layer.hidden_size
    large = isa in NARROW and layer.mode in LARGE and sequences * layer.hidden_size**2 >= LARGE[layer.mode]
    return (few or large) and not _needs_gradients(layer, x)


def _needs_gradients(layer: torch.nn.RNNBase, x: Tensor) -> bool:
    return torch.is_grad_enabled() and (x.requires_grad or any(weight.requires_grad for weight in layer.parameters()))
