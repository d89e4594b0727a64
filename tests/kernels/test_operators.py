"""The kernels as PyTorch operators: opcheck, vmap, torch.compile, and which gradients are made.

Planted and found: a lazily negated tensor read as it lies in memory; the copy of tensors of inference mode left out.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.kernels.oracle import CELLS, Problem, error, needs_native
from unroll.kernels import isas, ops, reference

pytestmark = needs_native


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("laned", [False, True])
def test_opcheck(cell: str, laned: bool) -> None:
    problem = Problem.random(cell, 3, 4, 2, 5)
    named = problem.inputs | problem.incoming
    t = {name: tensor.unsqueeze(0) if laned else tensor for name, tensor in named.items()}
    isa = isas()[0]
    given = [t.get(name) for name in ("x", "w_ih", "w_hh", "b_ih", "b_hh", "h0", "c0", "lengths")]
    for every, keep in ((True, True), (False, True), (True, False)):
        torch.library.opcheck(ops.recurrence, (*given, cell, isa, every, keep))
    saved = ops.recurrence(*given, cell, isa, True, True)[3]
    back = (t["x"], t["w_ih"], t["w_hh"], None, saved, t["y"], t["h_n"], t.get("c_n"), cell, isa)
    for wanted in ((True, True, True), (False, False, False)):
        torch.library.opcheck(ops.recurrence_backward, (*back, *wanted))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("mapped_x", [False, True])
def test_gradients_of_stacked_models(cell: str, mapped_x: bool) -> None:
    problems = [Problem.random(cell, 4, 6, 2, 5, seed) for seed in range(3)]
    weights = {n: torch.stack([p.inputs[n] for p in problems]) for n in ("w_ih", "w_hh", "b_ih", "b_hh")}
    x = torch.stack([p.inputs["x"] for p in problems]) if mapped_x else problems[0].inputs["x"]

    def gradients(forward: object) -> dict[str, Tensor]:
        def loss(weights: dict[str, Tensor], x: Tensor) -> Tensor:
            return forward(cell, x, **weights, every=False).h_n.square().sum()  # type: ignore[operator]

        return torch.func.vmap(torch.func.grad(loss), (0, 0 if mapped_x else None))(weights, x)

    got, right = gradients(ops.forward), gradients(reference.forward)
    for name in right:
        assert error(got[name], right[name]) < 1e-12, name


def test_two_mapped_axes() -> None:
    problem = Problem.random("lstm", 2, 3, 2, 4)
    w = {n: problem.inputs[n] for n in ("w_ih", "w_hh")}
    x = torch.randn(3, 5, 2, 3, 2, dtype=torch.float64)

    def loss(w: dict[str, Tensor], x: Tensor) -> Tensor:
        return ops.forward("lstm", x, **w).h_n.sum()

    grad = torch.func.grad(loss)
    got = torch.func.vmap(torch.func.vmap(grad, (None, 0)), (None, 0))(w, x)
    for i, j in ((0, 0), (2, 4)):
        alone = grad(w, x[i, j])
        assert all(torch.allclose(got[n][i, j], alone[n]) for n in w)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # Dynamo's own
@pytest.mark.parametrize("cell", CELLS)
def test_compile(cell: str) -> None:
    problem = Problem.random(cell, 4, 6, 2, 5)
    inputs = {n: t.requires_grad_() for n, t in problem.inputs.items()}

    def loss(**inputs: Tensor) -> Tensor:
        states = ops.forward(cell, **inputs)
        return states.y.sin().sum() + states.h_n.sum()

    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    got = torch.autograd.grad(compiled(**inputs), list(inputs.values()))
    right = torch.autograd.grad(loss(**inputs), list(inputs.values()))
    assert all(torch.equal(a, b) for a, b in zip(got, right, strict=True))


def test_a_graph_can_be_walked_twice() -> None:
    inputs = {n: t.requires_grad_() for n, t in Problem.random("lstm", 4, 6, 2, 5).inputs.items()}
    loss = ops.forward("lstm", **inputs).h_n.sum()
    first = torch.autograd.grad(loss, list(inputs.values()), retain_graph=True)
    second = torch.autograd.grad(loss, list(inputs.values()))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_only_what_is_needed_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of the last state alone: no gradient over steps comes in, and none of x goes out."""
    seen: list[tuple[object, ...]] = []
    original = ops._recurrence_backward

    def spy(*args: object) -> object:
        seen.append(args)
        return original(*args)

    monkeypatch.setattr(ops, "_recurrence_backward", spy)
    inputs = Problem.random("gru", 4, 6, 2, 5).inputs
    for name in ("w_ih", "w_hh", "b_ih", "b_hh"):
        inputs[name].requires_grad_()
    ops.forward("gru", **inputs).h_n.sum().backward()
    (args,) = seen
    assert args[5] is None  # dy
    assert args[-3:] == (False, True, True)  # x no, biases yes, start (it was given) yes


def test_no_second_derivative() -> None:
    inputs = {n: t.requires_grad_() for n, t in Problem.random("gru", 2, 2, 2, 2).inputs.items()}
    (grad,) = torch.autograd.grad(ops.forward("gru", **inputs).h_n.sum(), inputs["w_hh"], create_graph=True)
    with pytest.raises(NotImplementedError, match=r"no second derivative\..*unroll\.decelerate\(model\)"):
        grad.sum().backward()


@pytest.mark.parametrize("cell", CELLS)
def test_tensors_that_are_not_what_lies_in_memory(cell: str) -> None:
    """Lazily negated, as ``x.conj().imag`` is, and autograd's zeros without memory, forward and as gradients."""
    problem = Problem.random(cell, 3, 4, 2, 5)
    problem.inputs["h0"].zero_()
    problem.incoming["h_n"].zero_()
    right = problem.native(isas()[0])

    def lazily(t: Tensor, *, empty: bool) -> Tensor:
        t = torch._efficientzerotensor(t.shape) if empty else torch._neg_view(-t.float())
        assert t.is_contiguous()  # else it would be copied anyway
        return t

    given = {n: lazily(t, empty=n == "h0").requires_grad_() for n, t in problem.inputs.items()}
    states = ops.forward(cell, **given)
    out = {n: t for n, t in zip(("y", "h_n", "c_n"), states, strict=True) if t is not None}
    incoming = [lazily(t, empty=n == "h_n") for n, t in problem.incoming.items()]
    assert all(torch.equal(t, right[n]) for n, t in out.items())
    grads = torch.autograd.grad(list(out.values()), list(given.values()), incoming)
    assert all(torch.equal(g, right[f"d{n}"]) for n, g in zip(given, grads, strict=True))


def test_a_conjugates_imaginary_part() -> None:
    z = torch.randn(3, 4, 2, dtype=torch.complex64)
    inputs = {n: t.float() for n, t in Problem.random("gru", 3, 4, 2, 5).inputs.items()}
    assert z.conj().imag.is_neg()
    got = ops.forward("gru", **(inputs | {"x": z.conj().imag})).y
    assert torch.equal(got, ops.forward("gru", **(inputs | {"x": -z.imag})).y)


@pytest.mark.parametrize("cell", CELLS)
def test_features_made_in_inference_mode(cell: str) -> None:
    with torch.inference_mode():
        problem = Problem.random(cell, 3, 4, 2, 5)
    assert problem.inputs["x"].is_inference()
    weights = {n: problem.inputs[n].clone().requires_grad_() for n in ("w_ih", "w_hh", "b_ih", "b_hh")}
    states = ops.forward(cell, **(problem.inputs | weights))
    got = torch.autograd.grad(states.h_n.sum(), list(weights.values()))
    plain = {n: t.clone() for n, t in problem.inputs.items()} | weights
    right = torch.autograd.grad(ops.forward(cell, **plain).h_n.sum(), list(weights.values()))
    assert all(torch.equal(a, b) for a, b in zip(got, right, strict=True))


class Watch(TorchDispatchMode):
    """Names every operator that is called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("cell", CELLS)
def test_who_watches_sees_the_operators_and_the_same_bits(cell: str) -> None:
    def gradients() -> list[Tensor]:
        inputs = {n: t.requires_grad_() for n, t in Problem.random(cell, 4, 6, 2, 5).inputs.items()}
        return list(torch.autograd.grad(ops.forward(cell, **inputs).y.sin().sum(), list(inputs.values())))

    with Watch() as watch:
        watched = gradients()
    assert {"unroll.recurrence.default", "unroll.recurrence_backward.default"} <= set(watch.seen)
    assert all(torch.equal(a, b) for a, b in zip(watched, gradients(), strict=True))
