"""A kernel of one's own from its two functions: a weighted running sum, checked against autograd.

Planted and found: the gradient of one input for that of another; flags in another order than the function takes them; a
gradient made that nobody asks for; lanes that are not parted again after two mapped axes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from unroll.kernels.kernel import Kernel, arguments, operator


def nothing(x: Tensor) -> Tensor:
    return x.new_empty((*x.shape[:-3], 0))


def _sums(
    x: Tensor, w: Tensor, b: Tensor | None, scale: float, every: bool, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the running sums of w x + b, (K, B, T, I), their last, (K, B, I), and what the derivative needs."""
    steps = x * w[..., None, None, :] + (0 if b is None else b[..., None, None, :])
    sums = scale * steps.cumsum(-2)
    last = sums[..., -1, :].clone()
    return sums if every else nothing(x), last, x.clone() if keep else nothing(x)


def _gradients(
    w: Tensor,
    saved: Tensor,
    dsums: Tensor | None,
    dlast: Tensor | None,
    scale: float,
    with_x: bool,
    with_b: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    over = torch.zeros_like(saved) if dsums is None else dsums.clone()
    if dlast is not None:
        over[..., -1, :] += dlast
    over = scale * over.flip(-2).cumsum(-2).flip(-2)
    return (
        over * w[..., None, None, :] if with_x else nothing(saved),
        (over * saved).sum((-3, -2)),
        over.sum((-3, -2)) if with_b else nothing(saved),
    )


def _empty(x: Tensor, every: bool, keep: bool, **_: Any) -> tuple[Tensor, ...]:
    last = x.new_empty((*x.shape[:-2], x.shape[-1]))
    return torch.empty_like(x) if every else nothing(x), last, torch.empty_like(x) if keep else nothing(x)


def _empty_gradients(w: Tensor, saved: Tensor, with_x: bool, with_b: bool, **_: Any) -> tuple[Tensor, ...]:
    dx = torch.empty_like(saved) if with_x else nothing(saved)
    return dx, torch.empty_like(w), torch.empty_like(w) if with_b else nothing(saved)


KERNEL = Kernel(
    op=operator("tested_sums", _sums, _empty),
    compute=_sums,
    outputs=("sums", "last", "saved"),
    op_of_gradients=operator("tested_sums_backward", _gradients, _empty_gradients),
    gradients=_gradients,
    of=("x", "w", "b"),
    on_demand=("x",),
    flags={"with_x": ("x",), "with_b": ("b",)},
    silent=lambda every, **_: (not every, False, True),
    plainly=_gradients,
)
WATCHED, UNWATCHED = KERNEL.functions()


def inputs(*lanes: int, bias: bool = True) -> list[Tensor | None]:
    generator = torch.Generator().manual_seed(7)
    shapes = [(*lanes, 3, 4, 2), (*lanes, 2), (*lanes, 2)]
    made = [torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes]
    return [*made[:2], made[2] if bias else None]


@pytest.mark.parametrize("function", [WATCHED, UNWATCHED])
@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_the_derivative_is_that_of_the_computation(function: Any, every: bool, bias: bool) -> None:
    given = [t if t is None else t.requires_grad_() for t in inputs(bias=bias)]

    def outputs(*tensors: Tensor | None) -> tuple[Tensor, ...]:
        sums, last, _ = function.apply(*tensors, 0.5, every, True)
        return (sums, last) if every else (last,)

    assert torch.autograd.gradcheck(outputs, given)


def test_opcheck() -> None:
    for lanes in ((), (2,)):
        for every, keep in ((True, True), (False, False)):
            torch.library.opcheck(KERNEL.op, (*inputs(*lanes), 0.5, every, keep))
        x, w, _ = inputs(*lanes)
        torch.library.opcheck(KERNEL.op_of_gradients, (w, x, x, None, 0.5, True, False))


@pytest.mark.parametrize("mapped", [(0, 0, 0), (None, 0, None), (0, None, None)])
def test_mapped_gradients_are_those_of_each_lane(mapped: tuple[int | None, ...]) -> None:
    given = [t if dim == 0 else t[0] for t, dim in zip(inputs(5), mapped, strict=True) if t is not None]

    def loss(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        sums, last, _ = WATCHED.apply(x, w, b, 0.5, True, True)
        return sums.sin().sum() + last.square().sum()

    found = torch.func.vmap(torch.func.grad(loss, (0, 1, 2)), mapped)(*given)
    for lane in range(5):
        one = [t[lane] if dim == 0 else t for t, dim in zip(given, mapped, strict=True)]
        for part, right in zip(found, torch.func.grad(loss, (0, 1, 2))(*one), strict=True):
            torch.testing.assert_close(part[lane], right, rtol=0, atol=1e-12)


def test_two_mapped_axes_are_one_call() -> None:
    x, w, b = inputs(3, 2)

    def sums(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return WATCHED.apply(x, w, b, 0.5, True, True)[0]

    found = torch.func.vmap(torch.func.vmap(sums))(x, w, b)
    torch.testing.assert_close(found, _sums(x, w, b, 0.5, True, False)[0])


def test_a_gradient_that_nobody_asks_for_is_not_made() -> None:
    seen: list[tuple[Any, ...]] = []
    _, function = replace(KERNEL, plainly=lambda *given: (seen.append(given), _gradients(*given))[1]).functions()
    x, w, _ = inputs()
    function.apply(x, w.requires_grad_(), None, 0.5, False, True)[1].sum().backward()
    (given,) = seen
    named = dict(zip(arguments(_gradients), given, strict=True))
    assert named["dsums"] is None
    assert (named["with_x"], named["with_b"]) == (False, False)


@pytest.mark.parametrize(
    "change", [{"outputs": ("last", "sums", "saved")}, {"flags": {"with_b": ("b",), "with_x": ("x",)}}]
)
def test_names_that_do_not_fit_together_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"_gradients takes \(w, saved, dsums, dlast, scale, with_x, with_b\), not"):
        replace(KERNEL, **change).functions()
