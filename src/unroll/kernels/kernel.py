"""A kernel as PyTorch operators: operator, shapes for tracing, derivative and vmap rule follow from two functions.

The signature of a kernel is written once, on the function that computes it; so is that of its derivative. Derivatives
go through an autograd.Function with a vmap rule of its own, because ``register_autograd`` raises under
``torch.func.vmap(grad(...))`` in PyTorch 2.13. A mapped call runs as one call over lanes, forward and backward: all
tensors have a leading lane axis, or none has. Second derivatives are not offered, and no forward-mode ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, TypeAlias

import torch
from torch import Tensor

TORCHS_OWN = (
    "PyTorch's own layers have it: swap them back by unroll.decelerate(model); in a study set train.backend to 'torch'."
)

Computes: TypeAlias = Callable[..., tuple[Tensor, ...]]

_PLAIN = (Tensor, torch.nn.Parameter)
# Of the older vmap, which torch.autograd.grad(is_grads_batched=True) and functional.jacobian(vectorize=True) use.
_is_batched = torch._C._functorch.is_legacy_batchedtensor


def unwatched(tensors: Sequence[Tensor | None]) -> bool:
    """Whether a call sees plain tensors, which nothing traces, transforms or counts."""
    return not (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack()
    ) and all(t is None or (type(t) in _PLAIN and not _is_batched(t)) for t in tensors)


def operator(name: str, compute: Computes, empty: Computes) -> Any:
    """Return ``unroll::name``, the operator that ``compute`` is, with its signature.

    ``empty`` returns the same tensors without their values; it takes those arguments that it names, by keyword.
    """
    defined = torch.library.custom_op(f"unroll::{name}", compute, mutates_args=(), device_types="cpu")
    names = arguments(compute)

    @defined.register_fake
    def _(*args: Any, **named: Any) -> tuple[Tensor, ...]:
        return empty(**dict(zip(names, args, strict=False)), **named)

    return defined


def arguments(compute: Computes) -> tuple[str, ...]:
    """Return the names of a function's arguments, in order."""
    return tuple(signature(compute).parameters)


@dataclass(frozen=True)
class Kernel:
    """A computation and its derivative, each an operator and the function that it is.

    ``compute`` takes tensors first, x of (B, T, I) foremost, then plain settings; it returns ``outputs``.
    ``gradients`` takes, by these names and in this order: what it needs of the inputs; of the outputs; "d" and the name
    of each output that a gradient may come through; settings; ``flags``. It returns the gradients of the inputs ``of``.
    A flag says whether the gradient of any of its inputs is asked for: that of an input ``on_demand`` where autograd
    asks for it, of any other where the input is there. ``silent`` takes settings by name and says of each output
    whether no gradient comes through it. ``plainly`` is ``gradients`` as it is called where nobody watches.

    Raises TypeError where the names do not fit together.
    """

    op: Any
    compute: Computes
    outputs: tuple[str, ...]
    op_of_gradients: Any
    gradients: Computes
    of: tuple[str, ...]
    flags: Mapping[str, tuple[str, ...]]
    silent: Callable[..., tuple[bool, ...]]
    plainly: Computes
    on_demand: tuple[str, ...] = ()

    def functions(self) -> tuple[Any, Any]:
        """Return what differentiates it: for tensors that something may watch, and in a form that costs less."""
        names, back = arguments(self.compute), arguments(self.gradients)
        tensors = sum("Tensor" in str(one.annotation) for one in signature(self.compute).parameters.values())
        settings = names[tensors:]
        kept = [place for place, name in enumerate(names[:tensors]) if name in back]
        kept_outputs = [place for place, name in enumerate(self.outputs) if name in back]
        incoming = [place for place, name in enumerate(self.outputs) if f"d{name}" in back]
        carried = [place for place, name in enumerate(settings) if name in back]
        expected = (
            *(names[place] for place in kept),
            *(self.outputs[place] for place in kept_outputs),
            *(f"d{self.outputs[place]}" for place in incoming),
            *(settings[place] for place in carried),
            *self.flags,
        )
        if expected != back:
            raise TypeError(f"{self.gradients.__name__} takes ({', '.join(back)}), not ({', '.join(expected)})")
        places = [names.index(name) for name in self.of]
        asked = [(name not in self.on_demand, names.index(name)) for name in self.of]
        slots = [self.of.index(name) if name in self.of else -1 for name in names]
        groups = [[self.of.index(name) for name in group] for group in self.flags.values()]
        compute, silent, plainly = self.compute, self.silent, self.plainly
        # torch.compile follows a closure to an overload, and not to what defines it
        op, op_of_gradients = self.op._opoverload, self.op_of_gradients._opoverload
        derivative = _derivative(op_of_gradients)

        class Watched(torch.autograd.Function):
            """The operator with its derivative."""

            generate_vmap_rule = False

            @staticmethod
            def forward(*inputs: Any) -> Any:
                return op(*inputs)

            @staticmethod
            def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
                ctx.settings = inputs[tensors:]
                ctx.present = [inputs[place] is not None for place in places]
                ctx.silent = silent(**dict(zip(settings, ctx.settings, strict=True)))
                # a gradient that does not come in stays None: nothing of size (B, T, H) is made
                ctx.set_materialize_grads(False)
                ctx.mark_non_differentiable(*[t for t, quiet in zip(output, ctx.silent, strict=True) if quiet])
                ctx.save_for_backward(*[inputs[place] for place in kept], *[output[place] for place in kept_outputs])

            @staticmethod
            def backward(ctx: Any, *grads: Tensor | None) -> Any:
                came = [None if ctx.silent[place] else grads[place] for place in incoming]
                needs = ctx.needs_input_grad
                wanted = [
                    there and (sure or needs[place]) for there, (sure, place) in zip(ctx.present, asked, strict=True)
                ]
                differentiate: Any = derivative.apply
                if torch.compiler.is_compiling():
                    # torch.compile traces this and does not follow a function within a function; it needs no vmap rule.
                    differentiate = op_of_gradients
                elif not torch.is_grad_enabled() and unwatched(came):
                    differentiate = plainly
                found = differentiate(
                    *ctx.saved_tensors,
                    *came,
                    *[ctx.settings[place] for place in carried],
                    *[any(wanted[place] for place in group) for group in groups],
                )
                return tuple([found[slot] if slot >= 0 and wanted[slot] else None for slot in slots])

            @staticmethod
            def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
                return _over_lanes(Watched.apply, info.batch_size, in_dims, args)

        class Unwatched(torch.autograd.Function):
            """The same in the older form, whose call binds no signature: for plain tensors."""

            @staticmethod
            def forward(ctx: Any, *inputs: Any) -> Any:
                output = compute(*inputs)
                Watched.setup_context(ctx, inputs, output)
                return output

            backward = Watched.backward

        return Watched, Unwatched


def _derivative(op: Any) -> Any:
    """Return a derivative's operator with a vmap rule, so that a mapped gradient is one call over the lanes."""

    class Derivative(torch.autograd.Function):
        generate_vmap_rule = False

        @staticmethod
        def forward(*args: Any) -> Any:
            return op(*args)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            """Keep nothing: there is no derivative of the derivative."""

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            raise NotImplementedError(f"The native kernels have no second derivative. {TORCHS_OWN}")

        @staticmethod
        def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
            return _over_lanes(Derivative.apply, info.batch_size, in_dims, args)

    return Derivative


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
