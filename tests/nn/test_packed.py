"""Packed batches of any lengths: the same results as torch's layers, and padding that stays small.

Planted and found: every batch in one group (memory); groups put together in their own order and not in the packed one;
starts not shared out over the groups.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import unroll.nn
from tests.kernels.oracle import needs_native
from unroll.kernels import ops
from unroll.nn.batch import MOST_PADDING, Batch

LENGTHS = st.lists(st.one_of(st.integers(1, 4), st.integers(1, 60)), min_size=1, max_size=12)


def steps_of(lengths: list[int], inputs: int = 3) -> PackedSequence:
    draw = torch.Generator().manual_seed(sum(lengths))
    sequences = [torch.randn(n, inputs, generator=draw, dtype=torch.float64) for n in lengths]
    return pack_sequence(sequences, enforce_sorted=False)


@given(LENGTHS)
def test_padding_is_small_and_packing_gives_the_steps_back(lengths: list[int]) -> None:
    packed = steps_of(lengths)
    batch = Batch.unpacked(packed)
    held = [x.data.shape[0] * x.data.shape[1] for x in batch.groups]
    assert sum(held) <= MOST_PADDING * sum(lengths)
    assert [n for x in batch.groups for n in x._known_lengths().tolist()] == sorted(lengths, reverse=True)
    again = batch.packed()
    assert torch.equal(again.data, packed.data)
    assert torch.equal(again.batch_sizes, packed.batch_sizes)


def outcome(layer: torch.nn.RNNBase, packed: PackedSequence, start: Any) -> list[Tensor]:
    torch.manual_seed(1)  # dropout
    x = packed.data.clone().requires_grad_()
    y, last = layer(packed._replace(data=x), start)
    parts = [y.data, *(last if isinstance(last, tuple) else (last,))]
    loss = torch.stack([(t * torch.linspace(0, 1, t.numel(), dtype=t.dtype).view(t.shape)).sum() for t in parts]).sum()
    return [*parts, *torch.autograd.grad(loss, [x, *layer.parameters()])]


@needs_native
@settings(max_examples=40, deadline=None)
@given(
    lengths=LENGTHS,
    name=st.sampled_from(["RNN", "LSTM", "GRU"]),
    layers=st.integers(1, 2),
    two=st.booleans(),
    dropout=st.sampled_from([0.0, 0.5]),
    started=st.booleans(),
)
def test_any_lengths_give_torchs_results(
    lengths: list[int], name: str, layers: int, two: bool, dropout: float, started: bool
) -> None:
    torch.manual_seed(0)
    how = {"num_layers": layers, "bidirectional": two, "dropout": dropout * (layers > 1), "dtype": torch.float64}
    theirs, ours = getattr(torch.nn, name)(3, 5, **how), getattr(unroll.nn, name)(3, 5, **how)
    ours.load_state_dict(theirs.state_dict())
    h, c = torch.randn(2, layers * (1 + two), len(lengths), 5, dtype=torch.float64)
    start = None if not started else (h, c) if name == "LSTM" else h
    packed = steps_of(lengths)
    for right, got in zip(outcome(theirs, packed, start), outcome(ours, packed, start), strict=True):
        assert right.shape == got.shape
        assert torch.allclose(right, got, rtol=1e-9, atol=1e-11)


@needs_native
@pytest.mark.parametrize("lengths", [[5000] + [20] * 127, [20000] + [20] * 127], ids=["5,000", "20,000"])
def test_one_long_sequence_does_not_pad_the_others(lengths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the steps that the kernels are called with; benchmarks/layers.py has the memory."""
    called = []
    original = ops.forward

    def spy(cell: str, x: Tensor, *args: Any, **named: Any) -> Any:
        called.append(x.shape[0] * x.shape[1])
        return original(cell, x, *args, **named)

    monkeypatch.setattr(ops, "forward", spy)
    packed = steps_of(lengths, inputs=2)
    unroll.nn.GRU(2, 4, bidirectional=True, dtype=torch.float64)(packed)
    assert sum(called) == 2 * sum(lengths)
