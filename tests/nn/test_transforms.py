"""What PyTorch does with whole models: forward-mode and batched derivatives, export, scripting, symbolic tracing.

Planted and found: the look at the dual level left out; older batched tensors taken for plain ones; the instruction set
written into a traced graph; the class's own ``__prepare_scriptable__`` and the look at ``torch.fx.Proxy`` left out.
"""

from __future__ import annotations

import contextlib
import io

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

import unroll
import unroll.nn
from tests.kernels.oracle import CELLS, Problem, needs_native
from unroll.errors import BackendError
from unroll.kernels import isas, ops

pytestmark = [
    needs_native,
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),  # TorchScript is; forward_ad uses it too
    pytest.mark.filterwarnings("ignore:TF32 acceleration:UserWarning"),  # mkldnn.flags on a machine without a GPU
]

NAMES = ("RNN", "LSTM", "GRU")


class Residual(torch.nn.Module):
    """What a layer adds to its input: a derivative that loses the layer's part is wrong and not zero."""

    def __init__(self, layer: torch.nn.RNNBase) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer(x)[0]


def pair(name: str) -> tuple[Residual, Residual]:
    torch.manual_seed(0)
    theirs = getattr(torch.nn, name)(4, 4, dtype=torch.float64)
    ours = getattr(unroll.nn, name)(4, 4, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    unroll.accelerate(ours, always=True)  # the calls here are small
    return Residual(theirs), Residual(ours)


@pytest.mark.parametrize("how", ["make_dual", "make_dual without gradients", "frozen", "jvp", "jacfwd"])
@pytest.mark.parametrize("name", NAMES)
def test_forward_mode(name: str, how: str) -> None:
    """Against differences. PyTorch's own LSTM has no forward-mode derivative in oneDNN, and says so."""
    _, model = pair(name)
    model.requires_grad_(how != "frozen")
    x, v = torch.randn(3, 2, 4, dtype=torch.float64), torch.randn(3, 2, 4, dtype=torch.float64)
    with torch.no_grad():
        right = (model(x + 1e-6 * v) - model(x - 1e-6 * v)) / 2e-6
    grad = torch.no_grad() if "without" in how else contextlib.nullcontext()
    with grad, torch.backends.mkldnn.flags(enabled=False):
        if how == "jvp":
            got = torch.func.jvp(model, (x,), (v,))[1]
        elif how == "jacfwd":
            got = torch.einsum("abcdef,def->abc", torch.func.jacfwd(model)(x), v)
        else:
            with forward_ad.dual_level():
                got = forward_ad.unpack_dual(model(forward_ad.make_dual(x, v))).tangent
    assert torch.allclose(got, right, atol=1e-7)


@pytest.mark.parametrize("cell", CELLS)
def test_the_kernels_themselves_refuse_forward_mode(cell: str) -> None:
    inputs = Problem.random(cell, 2, 3, 2, 4).inputs
    with forward_ad.dual_level(), torch.no_grad():
        inputs["x"] = forward_ad.make_dual(inputs["x"], torch.ones_like(inputs["x"]))
        with pytest.raises(NotImplementedError, match=r"no forward-mode derivative.*unroll\.decelerate\(model\)"):
            ops.forward(cell, **inputs)


@pytest.mark.parametrize("name", NAMES)
def test_batched_gradients(name: str) -> None:
    found = []
    for model in pair(name):
        x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(3, 2, 4).requires_grad_()
        y = model(x).sum(0).flatten()
        many = torch.autograd.grad(y, [x, *model.parameters()], torch.eye(8, dtype=y.dtype), is_grads_batched=True)
        jacobian = torch.autograd.functional.jacobian(lambda x, model=model: model(x), x, vectorize=True)
        found.append([*many, jacobian])
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(*found, strict=True))


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # Dynamo's own
def test_an_exported_program_runs_on_another_instruction_set(monkeypatch: pytest.MonkeyPatch) -> None:
    from unroll.kernels import _native

    torch.manual_seed(0)
    layer = unroll.nn.LSTM(2, 5, batch_first=True)
    x = torch.linspace(-1, 1, 12).reshape(2, 3, 2)
    file = io.BytesIO()
    torch.export.save(torch.export.export(layer, (x,), strict=False), file)
    run, sets = _native.forward, []

    def spy(cell: str, isa: str, *arguments: object) -> None:
        sets.append(isa)
        run(cell, isa, *arguments)

    monkeypatch.setattr(_native, "forward", spy)
    for isa in isas():
        monkeypatch.setenv("UNROLL_ISA", isa)
        ops._isa_of_graphs.cache_clear()  # as in a process of its own
        file.seek(0)
        program = torch.export.load(file)
        assert "unroll.recurrence" in str(program.graph)
        assert torch.allclose(program.module()(x)[0], layer(x)[0], atol=1e-6)
    assert sets == [isa for isa in isas() for _ in range(2)]
    ops._isa_of_graphs.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_scripting_is_refused_and_works_after_the_way_back(name: str) -> None:
    model = torch.nn.Sequential(getattr(torch.nn, name)(2, 3))
    unroll.accelerate(model)
    x = torch.randn(4, 5, 2)
    right = model(x)[0]
    with pytest.raises(BackendError, match=r"torch\.jit\.script cannot.*unroll\.decelerate\(model\)"):
        torch.jit.script(model)
    unroll.decelerate(model)
    assert torch.allclose(torch.jit.script(model)(x)[0], right, atol=1e-6)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_jit_trace_is_of_torchs_own() -> None:
    model = unroll.nn.GRU(2, 3)
    x = torch.randn(4, 5, 2)
    traced = torch.jit.trace(model, (x,))
    assert torch.allclose(traced(x)[0], model(x)[0], atol=1e-6)
    file = io.BytesIO()
    torch.jit.save(traced, file)
    assert b"unroll::" not in file.getvalue()


class Leaves(torch.fx.Tracer):
    def is_leaf_module(self, module: torch.nn.Module, name: str) -> bool:
        return isinstance(module, torch.nn.RNNBase) or super().is_leaf_module(module, name)


@pytest.mark.parametrize("name", NAMES)
def test_symbolic_tracing(name: str) -> None:
    """Refused, with two ways out; a model that was refused is as it was."""
    model = torch.nn.Sequential(getattr(torch.nn, name)(2, 3))
    unroll.accelerate(model)
    x = torch.randn(4, 5, 2)
    with pytest.raises(BackendError, match="symbolic_trace cannot look into"):
        torch.fx.symbolic_trace(model)
    by_leaves = torch.fx.GraphModule(model, Leaves().trace(model))
    assert torch.equal(by_leaves(x)[0], model(x)[0])
    unroll.decelerate(model)
    first = torch.fx.symbolic_trace(model)
    assert [swap.swapped for swap in unroll.accelerate(first)] == [True]
    assert torch.equal(first(x)[0], by_leaves(x)[0])
