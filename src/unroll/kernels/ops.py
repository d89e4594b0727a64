"""The native kernels as PyTorch operators: ``unroll::recurrence`` and ``unroll::recurrence_backward``.

:func:`forward` is the way in; it has the signature of the reference. Axes: K lanes, B sequences, T steps, I inputs,
H hidden, G gates. The operators take a leading lane axis on all tensors, or on none; how they are differentiated and
mapped: ``unroll.kernels.kernel``.

Where nobody watches (no torch.compile, no torch.func, no dispatch mode) the operators' own functions are called without
PyTorch's dispatcher and without binding of signatures: that is most of what a call costs beside the kernel. A traced
graph names no instruction set ("" instead), so that an exported program runs where another one is the fastest.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils.dlpack import to_dlpack  # type: ignore[attr-defined]

from unroll.errors import BackendError
from unroll.kernels.gates import ROW, SAVED_GATES
from unroll.kernels.kernel import TORCHS_OWN, Kernel, operator, unwatched
from unroll.kernels.pick import MISSING, isa_in_use, native
from unroll.kernels.states import States


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
    lengths: Tensor | None = None,
    isa: str | None = None,
) -> States:
    """Run ``cell`` ("tanh_rnn", "relu_rnn", "lstm" or "gru") over all steps with the native kernel.

    Shapes: x (B, T, I), w_ih (G*H, I), w_hh (G*H, H), b_ih and b_hh (G*H,), h0 and c0 (B, H); all float32, or all
    float64, on the CPU. ``every=False`` computes only the last state: no (B, T, H) tensor is written, and none comes
    back as a gradient. ``lengths`` (B,), int64 and never rising, ends sequences early: a state stays after its length,
    and y is zero there. ``isa`` forces an instruction set, as UNROLL_ISA does.

    Raises BackendError without native kernels, TypeError or ValueError for arguments that do not fit, and
    NotImplementedError while a level of forward-mode differentiation is open.
    """
    fastest = isa_in_use()
    if not fastest:
        raise BackendError(f"The native backend was asked for, but {MISSING}.")
    if dual_level_is_open():
        raise NotImplementedError(f"The native kernels have no forward-mode derivative. {TORCHS_OWN}")
    given = [x, w_ih, w_hh, b_ih, b_hh, h0, c0]
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given)
    function: Any = WATCHED.apply
    if unwatched(given):
        isa = isa or fastest
        function = UNWATCHED.apply if keep else _recurrence
        if keep:  # autograd refuses to keep a tensor that was made in inference mode
            *given, lengths = (t.clone() if t is not None and t.is_inference() else t for t in (*given, lengths))
    y, h_n, c_n, _ = function(*given, lengths, cell, isa or "", every, keep)
    return States(y if every else None, h_n, c_n if cell == "lstm" else None)


def dual_level_is_open() -> bool:
    """Whether forward-mode differentiation is going on, of which a call without derivative would lose the tangents."""
    return bool(forward_ad._current_level >= 0)


# Of graphs: one answer for the whole process, since backward reads what forward has kept in its set's own order.
_isa_of_graphs = cache(isa_in_use)


def _saved_numbers(cell: str, B: int, T: int, H: int) -> int:
    return B * (-(-H // ROW) * ROW) * ((T + 1) + T * SAVED_GATES[cell])


def _module() -> Any:
    module = native()
    if module is None:
        raise BackendError(f"The native backend was asked for, but {MISSING}.")
    return module


def _plain(t: Tensor | None) -> Any:
    """What the module reads: a tensor whose numbers are in its memory, in order, whatever autograd knows of it."""
    if t is None:
        return None
    if t._is_zerotensor():  # autograd's own zeros, without memory
        t = t.clone()
    return to_dlpack(t.detach().resolve_neg().contiguous())


def _recurrence(
    x: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    lengths: Tensor | None,
    cell: str,
    isa: str,
    every: bool,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Forward over all steps: y (K, B, T, H), h_n and c_n (K, B, H), and what backward needs.

    Empty on their third, second and last axis, in this order, where they are not asked for (``every``, LSTM, ``keep``).
    """
    module = _module()
    *K, B, T, _ = x.shape
    H = w_hh.shape[-1]
    y, h_n, c_n = _states(x, w_hh, cell, every)
    if keep:
        saved = module.take_saved(cell, K[0] if K else 0, B, T, H, x.dtype == torch.float32)
    else:
        saved = x.new_empty((*K, 0))
    module.forward(
        cell,
        isa or _isa_of_graphs(),
        *(_plain(t) for t in (x, w_ih, w_hh, b_ih, b_hh, h0, c0, lengths)),
        to_dlpack(y) if every else None,
        to_dlpack(h_n),
        to_dlpack(c_n) if cell == "lstm" else None,
        to_dlpack(saved) if keep else None,
        torch.get_num_threads(),
    )
    return y, h_n, c_n, saved


def _states(x: Tensor, w_hh: Tensor, cell: str, every: bool) -> tuple[Tensor, Tensor, Tensor]:
    *K, B, T, _ = x.shape
    H = w_hh.shape[-1]
    y = x.new_empty((*K, B, T if every else 0, H))
    return y, x.new_empty((*K, B, H)), x.new_empty((*K, B if cell == "lstm" else 0, H))


def _outputs(x: Tensor, w_hh: Tensor, cell: str, every: bool, keep: bool, **_: Any) -> tuple[Tensor, ...]:
    *K, B, T, _I = x.shape
    saved = x.new_empty((*K, _saved_numbers(cell, B, T, w_hh.shape[-1]) if keep else 0))
    return *_states(x, w_hh, cell, every), saved


def _recurrence_backward(
    x: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    lengths: Tensor | None,
    saved: Tensor,
    dy: Tensor | None,
    dh_n: Tensor | None,
    dc_n: Tensor | None,
    cell: str,
    isa: str,
    with_x: bool,
    with_bias: bool,
    with_start: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Backward through time: gradients of x, both weights, both biases, h0, c0; empty, (K, 0), where not asked for."""
    module = _module()
    lstm = cell == "lstm"
    saved = saved.contiguous()
    if saved.data_ptr() % 64:
        saved = saved.clone()
    out = _gradients(x, w_hh, cell, with_x, with_bias, with_start)
    dx, dw_ih, dw_hh, db_ih, db_hh, dh0, dc0 = out
    module.backward(
        cell,
        isa or _isa_of_graphs(),
        *(_plain(t) for t in (x, w_ih, w_hh, lengths, saved, dy, dh_n, dc_n)),
        to_dlpack(dx) if with_x else None,
        to_dlpack(dw_ih),
        to_dlpack(dw_hh),
        to_dlpack(db_ih) if with_bias else None,
        to_dlpack(db_hh) if with_bias else None,
        to_dlpack(dh0) if with_start else None,
        to_dlpack(dc0) if with_start and lstm else None,
        torch.get_num_threads(),
    )
    return out


def _gradients(
    x: Tensor, w_hh: Tensor, cell: str, with_x: bool, with_bias: bool, with_start: bool, **_: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    *K, B, _T, _I = x.shape
    GH, H = w_hh.shape[-2:]

    def empty(wanted: bool, *shape: int) -> Tensor:
        return x.new_empty((*K, *shape) if wanted else (*K, 0))

    return (
        empty(with_x, *x.shape[-3:]),
        empty(True, GH, x.shape[-1]),
        empty(True, GH, H),
        empty(with_bias, GH),
        empty(with_bias, GH),
        empty(with_start, B, H),
        empty(with_start and cell == "lstm", B, H),
    )


def _silent(cell: str, every: bool, **_: Any) -> tuple[bool, ...]:
    """Return of y, h_n, c_n and what is saved whether no gradient comes through it."""
    return not every, False, cell != "lstm", True


def _plainly(*given: Any) -> tuple[Tensor, ...]:
    return _recurrence_backward(*given)


recurrence = operator("recurrence", _recurrence, _outputs)
recurrence_backward = operator("recurrence_backward", _recurrence_backward, _gradients)

WATCHED, UNWATCHED = Kernel(
    op=recurrence,
    compute=_recurrence,
    outputs=("y", "h_n", "c_n", "saved"),
    op_of_gradients=recurrence_backward,
    gradients=_recurrence_backward,
    of=("x", "w_ih", "w_hh", "b_ih", "b_hh", "h0", "c0"),
    on_demand=("x",),
    flags={"with_x": ("x",), "with_bias": ("b_ih", "b_hh"), "with_start": ("h0", "c0")},
    silent=_silent,
    plainly=_plainly,
).functions()
