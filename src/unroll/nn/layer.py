"""What the three layers share: which calls the native kernels take, and how they run layers and directions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from unroll.errors import BackendError
from unroll.kernels import ops
from unroll.kernels.pick import isa_in_use, pick
from unroll.nn.batch import Batch
from unroll.nn.sequence import Sequence
from unroll.nn.small import torchs_is_faster, torchs_is_faster_always

Start = tuple[Tensor, ...]  # (h,) or (h, c), each (layers * directions, B, H)


class Native:
    """What the three layers have beside torch's: mixed into ``unroll.nn.RNN``, ``LSTM`` and ``GRU``.

    ``always_native``: small calls too, which go to torch's own layer otherwise (see small.py). ``accelerate`` sets it.
    """

    always_native: bool = False

    def __prepare_scriptable__(self) -> Any:
        """Called by torch.jit.script, which would put whatever comes back into the model itself."""
        raise BackendError(
            "torch.jit.script cannot compile the layers of unroll.nn. Swap them back first: unroll.decelerate(model)."
        )


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
    if weight.device.type == "cpu" and isa_in_use():
        return ""
    return pick(cell_of(layer), device=str(weight.device.type)).reason


def why_slower(layer: torch.nn.RNNBase) -> str:
    """Return why torch's own layer is the faster one in calls of any size; "" where it is not."""
    return torchs_is_faster_always(layer, isa_in_use())


def _is_slower(layer: torch.nn.RNNBase, x: Tensor) -> bool:
    # Not asked while a graph is traced: a program depends on neither the sizes nor the machine that it is traced with.
    # Nor under torch.func, where torch's own layer has no rule for vmap: few steps would be refused, and many taken.
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    return torchs_is_faster(layer, x, isa_in_use()) or bool(why_slower(layer))


def run(layer: torch.nn.RNNBase, given: Any, hx: Any) -> Any:
    """Run the layer on the native kernels and return what torch's layer returns; None where torch must run it itself.

    Calls that torch would refuse are left to torch too, so that its messages come. Raises BackendError under
    torch.fx.symbolic_trace, which follows what happens inside of every layer that is not torch's own.
    """
    if not layer.always_native and isinstance(given, Tensor) and _is_slower(layer, given):
        return None
    start = _start(layer, hx)
    if start is None or not _fits(layer, given, start):
        return None
    if isinstance(given, PackedSequence):
        batch = Batch.unpacked(given)
        if given.sorted_indices is not None:
            start = tuple(s.index_select(1, _kept(given.sorted_indices)) for s in start)
    else:
        data = given if given.dim() == 3 else given.unsqueeze(0 if layer.batch_first else 1)
        batch = Batch((Sequence(data if layer.batch_first else data.transpose(0, 1)),))
        if given.dim() == 2:
            start = tuple(s.unsqueeze(1) for s in start)

    out, ends = _through(layer, batch, start)
    last = tuple(p[0].unsqueeze(0) if len(p) == 1 else torch.stack(p) for p in zip(*ends, strict=True))

    if isinstance(given, PackedSequence):
        packed = out.packed()
        y: Any = PackedSequence(packed.data, packed.batch_sizes, given.sorted_indices, given.unsorted_indices)
        if given.unsorted_indices is not None:
            last = tuple(s.index_select(1, _kept(given.unsorted_indices)) for s in last)
    else:
        data = out.groups[0].data
        y = data if layer.batch_first else data.transpose(0, 1).contiguous()
        if given.dim() == 2:
            y = y.squeeze(0 if layer.batch_first else 1)
            last = tuple(s.squeeze(1) for s in last)
    return y, last if layer.mode == "LSTM" else last[0]


def through(layer: torch.nn.RNNBase, x: Tensor, *, every: bool) -> Tensor:
    """Run a one-directional layer of ``unroll.nn`` from zeros over x (B, T, I), whatever its own order of axes.

    Returns the last layer's outputs (B, T, H), or with ``every=False`` only its last one (B, H): what is not asked for
    is never written, and no gradient of it is made.
    """
    out, ends = _through(layer, Batch((Sequence(x),)), (), every=every)
    return out.groups[0].data if every else ends[-1][0]


def _kept(index: Tensor) -> Tensor:
    """Return an index that autograd may keep: a copy, where it was made in inference mode."""
    return index.clone() if index.is_inference() else index


def _start(layer: torch.nn.RNNBase, hx: Any) -> Start | None:
    """Return the start as a tuple, empty for zeros; None where torch would not take it."""
    if hx is None:
        return ()
    lstm = layer.mode == "LSTM"
    parts = tuple(hx) if lstm and isinstance(hx, tuple | list) else (hx,)
    return parts if len(parts) == (2 if lstm else 1) and all(isinstance(s, Tensor) for s in parts) else None


def _fits(layer: torch.nn.RNNBase, given: Any, start: Start) -> bool:
    packed = isinstance(given, PackedSequence)
    x = given.data if packed else given
    if isinstance(x, torch.fx.Proxy):
        raise BackendError(
            "torch.fx.symbolic_trace cannot look into the layers of unroll.nn. Trace first and accelerate what comes "
            "out, or trace by a torch.fx.Tracer whose is_leaf_module is true of every torch.nn.RNNBase."
        )
    jit: Any = torch.jit
    if not isinstance(x, Tensor) or jit.is_tracing() or torch.is_autocast_enabled("cpu"):
        return False
    if why_not(layer) or ops.dual_level_is_open():
        return False
    weights: Iterable[Tensor] = (getattr(layer, name) for names in layer._all_weights for name in names)
    if not all(t.dtype == x.dtype and t.device.type == "cpu" for t in (x, *start, *weights)):
        return False
    if any(t.layout != torch.strided or t.is_nested for t in (x, *start)):
        return False
    if x.dim() not in ((2,) if packed else (2, 3)) or x.shape[-1] != layer.input_size or 0 in x.shape:
        return False
    batch = [int(given.batch_sizes[0])] if packed else [x.shape[0 if layer.batch_first else 1]] if x.dim() == 3 else []
    directions = 2 if layer.bidirectional else 1
    return all(list(s.shape) == [layer.num_layers * directions, *batch, layer.hidden_size] for s in start)


def _through(layer: torch.nn.RNNBase, batch: Batch, start: Start, *, every: bool = True) -> tuple[Batch, list[Start]]:
    """Return the last layer's outputs, and the last states (B, H) of each layer and direction."""
    suffixes = ("", "_reverse") if layer.bidirectional else ("",)
    ends: list[Start] = []
    for depth in range(layer.num_layers):
        wanted = every or depth < layer.num_layers - 1
        outputs: list[tuple[Tensor, ...]] = []
        for suffix in suffixes:
            begin = tuple(s[len(ends)] for s in start)
            y, end = _one_way(layer, f"_l{depth}{suffix}", batch, begin, every=wanted)
            ends.append(end)
            outputs.append(y)
        if not wanted:
            break
        joined = (parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1) for parts in zip(*outputs, strict=True))
        groups = tuple(Sequence(data, x.lengths) for data, x in zip(joined, batch.groups, strict=True))
        batch = Batch(groups, batch.sizes, batch.index)
        if layer.dropout and layer.training and depth < layer.num_layers - 1:
            batch = batch.dropped(layer.dropout)
    return batch, ends


def _one_way(
    layer: torch.nn.RNNBase, suffix: str, batch: Batch, start: Start, *, every: bool
) -> tuple[tuple[Tensor, ...], Start]:
    """Return one layer's outputs of one direction, (B, T, H) of each group (none without ``every``), and its ends."""
    names = {"w_ih": "weight_ih", "w_hh": "weight_hh"} | ({"b_ih": "bias_ih", "b_hh": "bias_hh"} if layer.bias else {})
    weights: dict[str, Any] = {argument: getattr(layer, name + suffix) for argument, name in names.items()}
    back = suffix.endswith("_reverse")
    outputs, ends, row = [], [], 0
    for group in batch.groups:
        x = group.reversed() if back else group
        rows = slice(row, row := row + x.data.shape[0])
        h0, c0, *_ = (*(s if len(batch.groups) == 1 else s[rows] for s in start), None, None)
        states = ops.forward(cell_of(layer), x.data, **weights, h0=h0, c0=c0, lengths=x.lengths, every=every)
        ends.append((states.h_n,) if states.c_n is None else (states.h_n, states.c_n))
        if states.y is not None:
            outputs.append(Sequence(states.y, x.lengths).reversed().data if back else states.y)
    end = ends[0] if len(ends) == 1 else tuple(torch.cat(parts) for parts in zip(*ends, strict=True))
    return tuple(outputs), end
