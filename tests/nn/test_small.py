"""Calls of few steps: by a fixed rule on torch's own layer, but never in a trial.

Planted and found: the rule left out; a rule that looks at another axis under ``batch_first``; trials that follow it; a
layer on the way back that keeps the mark of a trial; mapped calls that follow it; many sequences handed over in
training too; sequences taken for steps under ``batch_first``.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unroll.nn
from tests.kernels.oracle import needs_native
from unroll import expand, read_study
from unroll.kernels import isas
from unroll.nn.small import torchs_is_faster
from unroll.streams import KeyedStreams
from unroll.training.network import build_network

pytestmark = needs_native


@given(
    name=st.sampled_from(["RNN", "LSTM", "GRU"]),
    T=st.integers(1, 60),
    B=st.integers(1, 5),
    H=st.sampled_from([1, 16, 64, 128, 300, 700]),
    batch_first=st.booleans(),
    isa=st.sampled_from(["v2", "v3", "v4", "neon"]),
)
def test_the_rule_is_one_of_sizes(name: str, T: int, B: int, H: int, batch_first: bool, isa: str) -> None:
    layer = getattr(unroll.nn, name)(2, H, batch_first=batch_first, device="meta")

    def faster(T: int, *, alone: bool = False) -> bool:
        shape = (T, 2) if alone else (B, T, 2) if batch_first else (T, B, 2)
        return torchs_is_faster(layer, torch.empty(shape, device="meta"), isa)

    assert faster(T) == faster(T, alone=True)
    assert faster(T) or not faster(T + 1), "from some number of steps on never again"
    assert not faster(12 * max(1, H // 32))


@given(
    name=st.sampled_from(["RNN", "LSTM", "GRU"]),
    B=st.integers(1, 300),
    H=st.sampled_from([16, 64, 256]),
    batch_first=st.booleans(),
    isa=st.sampled_from(["v2", "v3", "v4", "neon"]),
)
def test_forward_alone_of_large_products_without_avx512_is_torchs(name, B, H, batch_first, isa) -> None:
    least = {"RNN": 2**18, "LSTM": 2**16, "GRU": np.inf}[name]
    layer = getattr(unroll.nn, name)(2, H, batch_first=batch_first, device="meta")
    shape = (B, 64, 2) if batch_first else (64, B, 2)
    x = torch.empty(shape, device="meta")
    assert not torchs_is_faster(layer, x, isa), "its weights need gradients"
    product = B * H**2
    large = isa in ("v2", "v3") and product >= least
    with torch.no_grad():
        assert torchs_is_faster(layer, x, isa) == large
    layer.requires_grad_(False)
    assert torchs_is_faster(layer, x, isa) == large
    assert not torchs_is_faster(layer, x.clone().requires_grad_(), isa)


@pytest.mark.parametrize(("name", "H", "least"), [("RNN", 128, 20), ("RNN", 16, 12), ("GRU", 256, 20), ("LSTM", 64, 1)])
def test_forward_alone_needs_more_steps(name: str, H: int, least: int) -> None:
    layer = getattr(unroll.nn, name)(2, H, device="meta")

    def steps() -> int:
        return next(
            T for T in range(1, 100) if not torchs_is_faster(layer, torch.empty((T, 1, 2), device="meta"), "v4")
        )

    with torch.no_grad():
        assert steps() == least
    assert steps() <= least


@pytest.mark.parametrize("name", ["RNN", "GRU"])
def test_a_small_call_is_torchs_own(name: str, counted: list[str]) -> None:
    torch.manual_seed(0)
    theirs, ours = getattr(torch.nn, name)(3, 16), getattr(unroll.nn, name)(3, 16)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 1, 3)
    assert torch.equal(ours(x)[0], theirs(x)[0])
    assert counted == []
    ours(torch.randn(100, 1, 3))
    assert len(counted) == 1
    unroll.accelerate(ours, always=True)
    ours(x)
    assert len(counted) == 2


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_mapped_call_is_never_torchs_own(name: str, counted: list[str]) -> None:
    """It has no rule for vmap."""
    layer = getattr(unroll.nn, name)(3, 4, batch_first=True)
    x = torch.randn(5, 2, 1, 3)
    mapped = torch.func.vmap(lambda x: layer(x)[0])(x)
    assert torch.allclose(mapped, layer(x.flatten(0, 1))[0].view(mapped.shape), atol=1e-6)
    assert counted[:1] == [{"RNN": "tanh_rnn"}.get(name, name.lower())]


@pytest.mark.parametrize("isa", isas())
def test_a_wide_lstm_without_avx512_stays_torchs(isa: str, counted: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLL_ISA", isa)
    narrow, wide = torch.nn.LSTM(3, 64), torch.nn.LSTM(3, 65)
    assert unroll.accelerate(narrow)[0].swapped
    (swap,) = unroll.accelerate(wide)
    assert swap.swapped == (isa == "v4")
    assert swap.swapped or f"65 units is faster than the kernels on instruction set {isa}" in swap.reason
    assert unroll.accelerate(torch.nn.LSTM(3, 65), always=True)[0].swapped
    direct = unroll.nn.LSTM(3, 65)
    x = torch.randn(20, 2, 3)
    narrow(x)
    direct(x)
    assert len(counted) == (2 if isa == "v4" else 1)


@pytest.mark.parametrize("model", ["tanh_rnn", "gru", "lstm"])
def test_a_trial_runs_on_the_backend_that_it_records(model: str, counted: list[str]) -> None:
    """Whole sequences and single steps, as generation takes them."""
    study = read_study("adding-sanity", [f'model="{model}"', "train.backend=native"])
    network = build_network(expand(study)[0], KeyedStreams(1).generator("init"))
    x = torch.from_numpy(np.ones((1, 1, 2), np.float32))
    network(x)
    network.step(x[:, 0])
    assert counted == [model, model]


def test_the_mark_of_a_trial_goes_on_the_way_back() -> None:
    layer = torch.nn.GRU(2, 3)
    keys = set(layer.__dict__)
    unroll.accelerate(layer, always=True)
    assert layer.always_native
    unroll.nn.decelerate(layer)
    assert set(layer.__dict__) == keys
