"""What the three layers share: which calls the native kernels take, and how they run layers and directions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unroll.kernels import ops
from unroll.kernels.pick import pick
from unroll.nn.sequence import Sequence

Start = tuple[Tensor, ...]  # (h,) or (h, c), each (layers * directions, B, H)


# torch.compile cannot trace it, and its answer does not change.
_pick = torch.compiler.assume_constant_result(pick)  # type: ignore[no-untyped-call]


def cell_of(layer: torch.nn.RNNBase) -> str:
    """Return the kernel's name of a torch layer's cell."""
    if layer.mode == "LSTM":
        return "lstm"
    return "gru" if layer.mode == "GRU" else layer.mode.removeprefix("RNN_").lower() + "_rnn"


def why_not(layer: torch.nn.RNNBase) -> str:
    """Return why the native kernels cannot run this layer, whatever its input; "" where they can."""
    if layer.proj_size:
        return "it projects its state (proj_size)"
    weight = layer.weight_ih_l0
    if weight.dtype not in (torch.float32, torch.float64):
        return f"its parameters are {str(weight.dtype).removeprefix('torch.')}"
    choice = _pick(cell_of(layer), device=weight.device.type)
    return "" if choice.backend == "native" else choice.reason


def run(layer: torch.nn.RNNBase, given: Any, hx: Any) -> Any:
    """Run the layer on the native kernels and return what torch's layer returns; None where torch must run it itself.

    Calls that torch would refuse are left to torch too, so that its messages come.
    """
    start: Start = () if hx is None else hx if isinstance(hx, tuple) else (hx,)
    if not _fits(layer, given, start):
        return None
    if isinstance(given, PackedSequence):
        sequence = Sequence.unpacked(given)
        if given.sorted_indices is not None:
            start = tuple(s.index_select(1, given.sorted_indices) for s in start)
    else:
        data = given if given.dim() == 3 else given.unsqueeze(0 if layer.batch_first else 1)
        sequence = Sequence(data if layer.batch_first else data.transpose(0, 1))
        if given.dim() == 2:
            start = tuple(s.unsqueeze(1) for s in start)

    out, ends = _through(layer, sequence, start)
    last = tuple(torch.stack(parts) for parts in zip(*ends, strict=True))

    if isinstance(given, PackedSequence):
        packed = out.packed()
        y: Any = PackedSequence(packed.data, packed.batch_sizes, given.sorted_indices, given.unsorted_indices)
        if given.unsorted_indices is not None:
            last = tuple(s.index_select(1, given.unsorted_indices) for s in last)
    else:
        y = out.data if layer.batch_first else out.data.transpose(0, 1).contiguous()
        if given.dim() == 2:
            y = y.squeeze(0 if layer.batch_first else 1)
            last = tuple(s.squeeze(1) for s in last)
    return y, last if layer.mode == "LSTM" else last[0]


def through(layer: torch.nn.RNNBase, x: Tensor, *, every: bool) -> Tensor:
    """Run a one-directional layer of ``unroll.nn`` from zeros over x (B, T, I), whatever its own order of axes.

    Returns the last layer's outputs (B, T, H), or with ``every=False`` only its last one (B, H): what is not asked for
    is never written, and no gradient of it is made.
    """
    out, ends = _through(layer, Sequence(x), (), every=every)
    return out.data if every else ends[-1][0]


def _fits(layer: torch.nn.RNNBase, given: Any, start: Start) -> bool:
    packed = isinstance(given, PackedSequence)
    x = given.data if packed else given
    jit: Any = torch.jit
    if jit.is_scripting() or jit.is_tracing() or torch.is_autocast_enabled("cpu") or why_not(layer):
        return False
    weights: Iterable[Tensor] = (getattr(layer, name) for names in layer._all_weights for name in names)
    if not all(t.dtype == x.dtype and t.device.type == "cpu" for t in (x, *start, *weights)):
        return False
    if x.dim() not in ((2,) if packed else (2, 3)) or x.shape[-1] != layer.input_size or 0 in x.shape:
        return False
    if len(start) not in (0, 2 if layer.mode == "LSTM" else 1):
        return False
    batch = [int(given.batch_sizes[0])] if packed else [x.shape[0 if layer.batch_first else 1]] if x.dim() == 3 else []
    directions = 2 if layer.bidirectional else 1
    return all(list(s.shape) == [layer.num_layers * directions, *batch, layer.hidden_size] for s in start)


def _through(
    layer: torch.nn.RNNBase, sequence: Sequence, start: Start, *, every: bool = True
) -> tuple[Sequence, list[Start]]:
    """Return the last layer's outputs, and the last states (B, H) of each layer and direction."""
    cell = cell_of(layer)
    suffixes = ("", "_reverse") if layer.bidirectional else ("",)
    names = {"w_ih": "weight_ih", "w_hh": "weight_hh"} | ({"b_ih": "bias_ih", "b_hh": "bias_hh"} if layer.bias else {})
    ends: list[Start] = []
    for depth in range(layer.num_layers):
        outputs = []
        for suffix in suffixes:
            x = sequence.reversed() if suffix else sequence
            weights: dict[str, Any] = {
                argument: getattr(layer, f"{name}_l{depth}{suffix}") for argument, name in names.items()
            }
            h0, c0, *_ = (*(s[len(ends)] for s in start), None, None)
            wanted = every or depth < layer.num_layers - 1
            states = ops.forward(cell, x.data, **weights, h0=h0, c0=c0, lengths=x.lengths, every=wanted)
            ends.append((states.h_n,) if states.c_n is None else (states.h_n, states.c_n))
            if states.y is not None:
                y = Sequence(states.y, x.lengths)
                outputs.append(y.reversed().data if suffix else y.data)
        if not outputs:
            break
        data = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
        sequence = Sequence(data, sequence.lengths)
        if layer.dropout and layer.training and depth < layer.num_layers - 1:
            sequence = sequence.dropped(layer.dropout)
    return sequence, ends
