"""unroll.nn's layers against torch.nn's: values, gradients, state_dicts, and what goes to torch's implementation.

Planted and found: a start that may only be a tuple; a GRU that takes a tuple; indices on the default device.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import unroll.nn
from tests.kernels.oracle import needs_native
from unroll.nn import accelerate

NAMES = ("RNN", "LSTM", "GRU")
B, T, I, H = 4, 6, 3, 5  # noqa: E741


def tensors(result: Any) -> list[Tensor]:
    if isinstance(result, Tensor):
        return [result]
    return [t for part in result if part is not None for t in tensors(part)]


def both(name: str, **settings: Any) -> tuple[torch.nn.RNNBase, torch.nn.RNNBase]:
    torch.manual_seed(0)
    settings = {"dtype": torch.float64} | settings
    theirs = getattr(torch.nn, name)(I, H, **settings)
    ours = getattr(unroll.nn, name)(I, H, **settings)
    ours.load_state_dict(theirs.state_dict())
    accelerate(ours, always=True)  # the calls here are small
    return theirs, ours


def outcome(layer: torch.nn.RNNBase, x: Any, hx: Any) -> list[Tensor]:
    torch.manual_seed(1)  # dropout
    leaves = [
        t.requires_grad_() for t in tensors(x if isinstance(x, Tensor) else x.data) + tensors(() if hx is None else hx)
    ]
    out = tensors(layer(x, hx))
    floating = [t for t in out if t.is_floating_point()]
    weighted = [(t * torch.linspace(0, 1, t.numel(), dtype=t.dtype).view(t.shape)).sum() for t in floating]
    grads = torch.autograd.grad(torch.stack(weighted).sum(), [*layer.parameters(), *leaves])
    return [*out, *grads]


def example(kind: str, layers: int, batch_first: bool, lstm: bool, start: bool) -> tuple[Any, Any]:
    draw = torch.Generator().manual_seed(2)

    def some(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    x: Any
    if kind == "batch":
        x = some(*((B, T) if batch_first else (T, B)), I)
    elif kind == "one sequence":
        x = some(T, I)
    else:
        lengths = [6, 5, 5, 2] if kind == "packed" else [3, 6, 1, 5]
        x = pack_sequence([some(n, I) for n in lengths], enforce_sorted=kind == "packed")
    shape = (layers, H) if kind == "one sequence" else (layers, B, H)
    if not start:
        return x, None
    return x, (some(*shape), some(*shape)) if lstm else some(*shape)


@needs_native
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["batch", "one sequence", "packed", "packed unsorted"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_same_results(name: str, kind: str, batch_first: bool, counted: list[str]) -> None:
    for layers, two, bias, start, p in product((1, 2), (False, True), (False, True), (False, True), (0.0, 0.5)):
        if p and layers == 1:
            continue
        settings = {"num_layers": layers, "bidirectional": two, "bias": bias, "dropout": p, "batch_first": batch_first}
        theirs, ours = both(name, **settings)
        x, hx = example(kind, layers * (2 if two else 1), batch_first, name == "LSTM", start)
        before = len(counted)
        for right, got in zip(outcome(theirs, x, hx), outcome(ours, x, hx), strict=True):
            assert right.shape == got.shape, settings
            assert torch.allclose(right.double(), got.double(), rtol=1e-10, atol=1e-12), settings
        assert len(counted) - before == layers * (2 if two else 1)


@needs_native
def test_relu(counted: list[str]) -> None:
    theirs, ours = both("RNN", nonlinearity="relu")
    x = torch.randn(T, B, I, dtype=torch.float64)
    assert torch.allclose(theirs(x)[0], ours(x)[0])
    assert counted == ["relu_rnn"]


@pytest.mark.parametrize("name", NAMES)
def test_state_dicts_move_both_ways(name: str) -> None:
    theirs, ours = both(name, num_layers=2, bidirectional=True)
    theirs.load_state_dict(ours.state_dict())
    assert list(theirs.state_dict()) == list(ours.state_dict())
    assert isinstance(ours, getattr(torch.nn, name))


@needs_native
@pytest.mark.parametrize("name", NAMES)
def test_float32_inference_and_contiguous_outputs(name: str, counted: list[str]) -> None:
    _, ours = both(name, dtype=torch.float32)
    with torch.inference_mode():
        y, _ = ours(torch.randn(T, B, I))
    assert y.is_contiguous()
    assert len(counted) == 1


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")  # torch's, once a process
@pytest.mark.parametrize("case", ["projection", "float16", "no kernels", "autocast", "empty batch"])
def test_what_goes_to_torch(case: str, counted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"dtype": torch.float32}
    x = torch.randn(T, B, I)
    if case == "projection":
        settings["proj_size"] = 2
    elif case == "float16":
        settings["dtype"], x = torch.bfloat16, x.bfloat16()
    elif case == "no kernels":
        monkeypatch.setitem(__import__("sys").modules, "unroll.kernels._native", None)
    elif case == "empty batch":
        x = x[:, :0]
    found = []
    for layer in both("LSTM", **settings):
        with torch.autocast("cpu", enabled=case == "autocast"):
            try:
                found.append(layer(x)[0])
            except RuntimeError as error:  # not every processor has torch's LSTM in bfloat16
                found.append(str(error))
    theirs, ours = found
    assert theirs == ours if isinstance(theirs, str) else torch.equal(theirs, ours)
    assert counted == []


@pytest.mark.parametrize(
    ("x", "hx"),
    [
        (torch.zeros(T, B, I + 1), None),
        (torch.zeros(T, B, I, 1), None),
        (torch.zeros(T, B, I), torch.zeros(1, B + 1, H)),
        (torch.zeros(T, B, I), torch.zeros(2, B, H)),
        (torch.zeros(T, B, I, dtype=torch.float64), None),
        (torch.zeros(T, B, I), (torch.zeros(1, B, H),)),
        (torch.zeros(T, B, I), [torch.zeros(1, B, H)]),
        (torch.zeros(T, B, I), "zeros"),
        ([[0.0] * I] * T, None),
        (torch.zeros(T, B, I).to_sparse(), None),
        (torch.zeros(T, B, I).to_mkldnn(), None),
    ],
    ids=[
        "inputs",
        "axes",
        "start batch",
        "start layers",
        "dtype",
        "tuple",
        "list",
        "text",
        "lists",
        "sparse",
        "mkldnn",
    ],
)
@pytest.mark.parametrize("name", ["RNN", "GRU"])
def test_wrong_calls_raise_torchs_errors(name: str, x: Any, hx: Any) -> None:
    theirs, ours = both(name, dtype=torch.float32)
    with pytest.raises((RuntimeError, ValueError, TypeError, AttributeError)) as right:
        theirs(x, hx)
    with pytest.raises(type(right.value)) as got:
        ours(x, hx)
    assert str(got.value) == str(right.value)


@needs_native
def test_a_packed_result_is_packed() -> None:
    _, ours = both("GRU")
    x, _ = example("packed unsorted", 1, False, False, False)
    y, _ = ours(x)
    assert isinstance(y, PackedSequence)
    assert torch.equal(y.batch_sizes, x.batch_sizes)


@needs_native
def test_the_lstms_start_may_be_a_list(counted: list[str]) -> None:
    theirs, ours = both("LSTM")
    x, hx = example("batch", 1, False, True, True)
    for right, got in zip(outcome(theirs, x, list(hx)), outcome(ours, x, list(hx)), strict=True):
        assert torch.allclose(right, got, rtol=1e-10, atol=1e-12)
    assert counted == ["lstm"]


@pytest.mark.parametrize("hx", [torch.zeros(2, 1, B, H), [torch.zeros(1, B, H)], ()], ids=["tensor", "one", "none"])
def test_wrong_starts_of_the_lstm_raise_torchs_errors(hx: Any) -> None:
    theirs, ours = both("LSTM", dtype=torch.float32)
    with pytest.raises(Exception, match=r".") as right:  # whatever torch raises
        theirs(torch.zeros(T, B, I), hx)
    with pytest.raises(type(right.value)) as got:
        ours(torch.zeros(T, B, I), hx)
    assert str(got.value) == str(right.value)


@needs_native
@pytest.mark.parametrize("kind", ["batch", "packed unsorted"])
def test_the_default_device_does_not_matter(kind: str, counted: list[str]) -> None:
    theirs, ours = both("GRU", bidirectional=True, num_layers=2, dropout=0.5)
    x, _ = example(kind, 4, False, False, False)
    right = tensors(theirs.eval()(x))
    torch.set_default_device("meta")
    try:
        got = tensors(ours.eval()(x))
        tensors(ours.train()(x))[0].sum().backward()
    finally:
        torch.set_default_device(None)
    assert all(torch.allclose(a.double(), b.double()) for a, b in zip(right, got, strict=True))
    assert len(counted) == 8


@needs_native
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["batch", "packed unsorted"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_features_made_in_inference_mode(name: str, kind: str, batch_first: bool, counted: list[str]) -> None:
    _, ours = both(name, num_layers=2, batch_first=batch_first)
    with torch.inference_mode():
        made, _ = example(kind, 2, batch_first, False, False)
    x, _ = example(kind, 2, batch_first, False, False)
    got, right = (torch.autograd.grad(tensors(ours(t))[0].sum(), list(ours.parameters())) for t in (made, x))
    assert all(torch.equal(a, b) for a, b in zip(got, right, strict=True))
    assert len(counted) == 4
