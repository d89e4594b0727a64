"""The native kernels as PyTorch operators: ``unroll::recurrence`` and ``unroll::recurrence_backward``.

:func:`forward` is the way in; it has the signature of the reference. Axes: K lanes, B sequences, T steps, I inputs,
H hidden, G gates. The operators take a leading lane axis on all tensors, or on none. They are differentiated through an
autograd.Function with a vmap rule of its own, because ``register_autograd`` raises under
``torch.func.vmap(grad(...))`` in PyTorch 2.13. A mapped call runs as one call over lanes, forward and backward. Second
derivatives are not offered.

Where nobody watches (no torch.compile, no torch.func, no dispatch mode) the operators' own functions are called without
PyTorch's dispatcher and without binding of signatures: that is most of what a call costs beside the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.dlpack import to_dlpack  # type: ignore[attr-defined]

from unroll.errors import BackendError
from unroll.kernels.pick import MISSING, isa_in_use, native
from unroll.kernels.states import States

GATES = {"tanh_rnn": 1, "relu_rnn": 1, "gru": 3, "lstm": 4}
SAVED_GATES = {
    "tanh_rnn": 0,
    "relu_rnn": 0,
    "gru": 4,
    "lstm": 5,
}  # vectors a step beside the state, as in call.hpp
_PLAIN = (Tensor, torch.nn.Parameter)


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

    Raises BackendError without native kernels, TypeError or ValueError for arguments that do not fit.
    """
    isa = isa or _isa_in_use()
    if not isa:
        raise BackendError(f"The native backend was asked for, but {MISSING}.")
    given = (x, w_ih, w_hh, b_ih, b_hh, h0, c0)
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in given)
    function: Any = _Recurrence.apply
    if _unwatched(given):
        function = _Unwatched.apply if keep else _recurrence
    y, h_n, c_n, _ = function(*given, lengths, cell, isa, every, keep)
    return States(y if every else None, h_n, c_n if cell == "lstm" else None)


def _unwatched(tensors: Sequence[Tensor | None]) -> bool:
    """Whether a call sees plain tensors, which nothing traces, transforms or counts."""
    return not (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack()
    ) and all(t is None or type(t) in _PLAIN for t in tensors)


# torch.compile does not trace the import of a compiled module or the environment; the answer does not change under it.
_isa_in_use = torch.compiler.assume_constant_result(isa_in_use)  # type: ignore[no-untyped-call]


def _saved_numbers(cell: str, B: int, T: int, H: int) -> int:
    return B * ((H + 15) // 16 * 16) * ((T + 1) + T * SAVED_GATES[cell])


def _module() -> Any:
    module = native()
    if module is None:
        raise BackendError(f"The native backend was asked for, but {MISSING}.")
    return module


def _plain(t: Tensor | None) -> Any:
    return None if t is None else to_dlpack(t.detach().contiguous())


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
    y = x.new_empty((*K, B, T if every else 0, H))
    h_n = x.new_empty((*K, B, H))
    c_n = x.new_empty((*K, B if cell == "lstm" else 0, H))
    if keep:
        saved = module.take_saved(cell, K[0] if K else 0, B, T, H, x.dtype == torch.float32)
    else:
        saved = x.new_empty((*K, 0))
    module.forward(
        cell,
        isa,
        *(_plain(t) for t in (x, w_ih, w_hh, b_ih, b_hh, h0, c0, lengths)),
        to_dlpack(y) if every else None,
        to_dlpack(h_n),
        to_dlpack(c_n) if cell == "lstm" else None,
        to_dlpack(saved) if keep else None,
        torch.get_num_threads(),
    )
    return y, h_n, c_n, saved


recurrence = torch.library.custom_op("unroll::recurrence", _recurrence, mutates_args=(), device_types="cpu")


@recurrence.register_fake
def _(
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
    *K, B, T, _ = x.shape
    H = w_hh.shape[-1]
    return (
        x.new_empty((*K, B, T if every else 0, H)),
        x.new_empty((*K, B, H)),
        x.new_empty((*K, B if cell == "lstm" else 0, H)),
        x.new_empty((*K, _saved_numbers(cell, B, T, H) if keep else 0)),
    )


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
        isa,
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


recurrence_backward = torch.library.custom_op(
    "unroll::recurrence_backward", _recurrence_backward, mutates_args=(), device_types="cpu"
)


@recurrence_backward.register_fake
def _(
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
    return _gradients(x, w_hh, cell, with_x, with_bias, with_start)


def _gradients(
    x: Tensor, w_hh: Tensor, cell: str, with_x: bool, with_bias: bool, with_start: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    *K, B, _, _ = x.shape
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


class _Recurrence(torch.autograd.Function):
    """``recurrence`` with its derivative."""

    generate_vmap_rule = False

    @staticmethod
    def forward(
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
    ) -> Any:
        return recurrence(x, w_ih, w_hh, b_ih, b_hh, h0, c0, lengths, cell, isa, every, keep)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        x, w_ih, w_hh, b_ih, b_hh, h0, c0, lengths, ctx.cell, ctx.isa, ctx.every, _ = inputs
        y, _, c_n, saved = output
        ctx.present = tuple(t is not None for t in (b_ih, b_hh, h0, c0))
        ctx.set_materialize_grads(
            False
        )  # a gradient that does not come in stays None: nothing of size (B, T, H) is made
        ctx.mark_non_differentiable(saved, *(() if ctx.every else (y,)), *(() if ctx.cell == "lstm" else (c_n,)))
        ctx.save_for_backward(x, w_ih, w_hh, lengths, saved)

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, dh_n: Tensor | None, dc_n: Tensor | None, _: Any) -> Any:
        wanted = (ctx.needs_input_grad[0], True, True, *ctx.present)
        differentiate: Any = _RecurrenceBackward.apply
        if torch.compiler.is_compiling():
            # torch.compile traces this and does not follow a function within a function; it needs no vmap rule either.
            differentiate = recurrence_backward
        elif not torch.is_grad_enabled() and _unwatched((dy, dh_n, dc_n)):
            differentiate = _recurrence_backward
        grads = differentiate(
            *ctx.saved_tensors,
            dy if ctx.every else None,
            dh_n,
            dc_n if ctx.cell == "lstm" else None,
            ctx.cell,
            ctx.isa,
            wanted[0],
            any(wanted[3:5]),
            any(wanted[5:7]),
        )
        return (*(g if want else None for g, want in zip(grads, wanted, strict=True)), *(None,) * 5)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        return _over_lanes(_Recurrence.apply, info.batch_size, in_dims, args)


class _Unwatched(torch.autograd.Function):
    """``_Recurrence`` in the older form, whose call binds no signature: for plain tensors."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        output = _recurrence(*inputs)
        _Recurrence.setup_context(ctx, inputs, output)
        return output

    backward = _Recurrence.backward


class _RecurrenceBackward(torch.autograd.Function):
    """``recurrence_backward`` with a vmap rule, so that a mapped gradient is one call over the lanes."""

    generate_vmap_rule = False

    @staticmethod
    def forward(*args: Any) -> Any:
        return recurrence_backward(*args)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep nothing: there is no derivative of the derivative."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError("The native kernels have no second derivative. Use the backend 'reference' for it.")

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        return _over_lanes(_RecurrenceBackward.apply, info.batch_size, in_dims, args)


def _over_lanes(
    function: Callable[..., tuple[Tensor, ...]],
    size: int,
    in_dims: tuple[int | None, ...],
    args: Sequence[Any],
) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
    """Run a mapped axis as lanes, joined with the lanes that are there: one call, whatever is mapped."""
    mapped = []
    for arg, dim in zip(args, in_dims, strict=True):
        if isinstance(arg, Tensor):
            arg = arg.movedim(dim, 0) if dim is not None else arg.unsqueeze(0).expand(size, *arg.shape)
        mapped.append(arg)
    joined = mapped[0].dim() > 4  # x is the first argument: (N, K, B, T, I)
    if joined:
        mapped = [arg.flatten(0, 1) if isinstance(arg, Tensor) else arg for arg in mapped]
    out = function(*mapped)
    if joined:
        out = tuple(t.reshape(size, t.shape[0] // size, *t.shape[1:]) for t in out)
    return out, (0,) * len(out)
