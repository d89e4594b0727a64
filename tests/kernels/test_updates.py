"""Whole updates against PyTorch in float64: layers, losses, optimizers; and evaluations against counting by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss, one_hot

from tests.kernels.oracle import CELLS, needs_native
from unroll.kernels import isas
from unroll.kernels.gates import GATES
from unroll.kernels.pick import UNFUSED
from unroll.kernels.updates import Counted, Made, Rule, Sequences, State, Steps, Updates

pytestmark = needs_native

N, T, I, H, O, S = 150, 9, 3, 20, 3, 4  # noqa: E741
BATCH = 70  # two blocks of rows, and a last batch that is smaller

RULES = [
    Rule("adam"),
    Rule("adam", weight_decay=0.05, beta1=0.8),
    Rule("adamw", weight_decay=0.1),
    Rule("sgd"),
    Rule("sgd", momentum=0.9, weight_decay=0.01),
    Rule("rmsprop", alpha=0.9),
    Rule("rmsprop", momentum=0.5, weight_decay=0.01),
    Rule("sgd", clip_norm=0.1),
    Rule("rmsprop", clip_value=0.01),
]
KINDS = list(itertools.product(("numbers", "classes"), ("last", "every", "some"), ("values", "symbols")))


class Network(nn.Module):
    def __init__(self, cell: str) -> None:
        super().__init__()
        kind: Any = {"lstm": nn.LSTM, "gru": nn.GRU}.get(cell, nn.RNN)
        extra = {"nonlinearity": "relu"} if cell == "relu_rnn" else {}
        self.layer, self.readout = kind(I, H, batch_first=True, **extra), nn.Linear(H, O)

    def weights(self) -> np.ndarray:
        return torch.cat([p.detach().reshape(-1) for p in self.parameters()]).numpy()


@dataclass
class Data:
    x: np.ndarray
    y: np.ndarray
    at: np.ndarray | None
    readout: Any

    @staticmethod
    def random(targets: str, readout: str, inputs: str, dtype: type = np.float64, seed: int = 0) -> Data:
        draw = np.random.default_rng(seed)
        symbols = draw.integers(0, I, (N, T)).astype(np.uint8)
        x = symbols if inputs == "symbols" else draw.standard_normal((N, T, I)).astype(dtype)
        at = np.sort(draw.permuted(np.tile(np.arange(T), (N, 1)), axis=1)[:, :S], axis=1).astype(np.int32)
        positions = {"last": 1, "every": T, "some": S}[readout]
        y = draw.standard_normal((N, positions, O)).astype(dtype)
        if targets == "classes":
            y = draw.integers(-1, O, (N, positions)).astype(np.int32)
            y[:, -1] = np.maximum(y[:, -1], 0)
        return Data(x, y, at if readout == "some" else None, readout)

    def sequences(self, asked: np.ndarray | None = None) -> Sequences:
        return Sequences(self.x, self.y, self.at, asked, I, O, self.readout)

    def outputs(self, network: Network, rows: np.ndarray) -> torch.Tensor:
        x = torch.from_numpy(self.x[rows])
        if x.ndim == 2:
            x = one_hot(x.long(), I).to(network.readout.weight.dtype)
        out: torch.Tensor = network.readout(network.layer(x)[0])
        if self.readout == "last":
            return out[:, -1:]
        if self.at is None:
            return out
        return out.gather(1, torch.from_numpy(self.at[rows]).long().unsqueeze(-1).expand(-1, -1, O))

    def loss(self, network: Network, rows: np.ndarray) -> torch.Tensor:
        out, y = self.outputs(network, rows), torch.from_numpy(self.y[rows])
        if y.ndim == 3:
            return mse_loss(out, y)
        return cross_entropy(out.flatten(0, 1), y.flatten().long(), ignore_index=-1)


def torchs(network: Network, rule: Rule) -> torch.optim.Optimizer:
    shared: dict[str, Any] = {"lr": 0.01, "weight_decay": rule.weight_decay}
    if rule.name.startswith("adam"):
        kind = torch.optim.Adam if rule.name == "adam" else torch.optim.AdamW
        return kind(network.parameters(), betas=(rule.beta1, rule.beta2), **shared)
    if rule.name == "sgd":
        return torch.optim.SGD(network.parameters(), momentum=rule.momentum, **shared)
    return torch.optim.RMSprop(network.parameters(), momentum=rule.momentum, alpha=rule.alpha, **shared)


def state_of(rule: Rule, weights: np.ndarray) -> dict[str, np.ndarray]:
    names = {"adam": ["average", "square"], "adamw": ["average", "square"], "rmsprop": ["square"], "sgd": []}[rule.name]
    return {name: np.zeros_like(weights) for name in [*names, *(["velocity"] if rule.momentum else [])]}


def by_torch(network: Network, data: Data, rule: Rule, order: np.ndarray) -> tuple[list[float], list[float]]:
    optimizer, losses, norms = torchs(network, rule), [], []
    for first in range(0, len(order), BATCH):
        optimizer.zero_grad()
        loss = data.loss(network, order[first : first + BATCH])
        loss.backward()
        norm = float(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]).norm())
        for p in network.parameters():
            assert p.grad is not None
            if norm > rule.clip_norm:
                p.grad.mul_(rule.clip_norm / norm)
            p.grad.clamp_(-rule.clip_value, rule.clip_value)
        optimizer.step()
        losses.append(loss.item())
        norms.append(norm)
    return losses, norms


def network_of(cell: str, dtype: torch.dtype = torch.float64) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(cell).to(dtype)


ORDER = np.concatenate([np.random.default_rng(seed).permutation(N) for seed in range(3)])[:290]
RATES = np.full(-(-len(ORDER) // BATCH), 0.01)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_updates_are_those_of_torch(cell: str, kind: tuple[str, str, str]) -> None:
    """Two rules for each kind, all of them over the kinds; in float64 to 1e-12."""
    data, place = Data.random(*kind), KINDS.index(kind) + CELLS.index(cell)
    for rule, isa in itertools.product((RULES[place % len(RULES)], RULES[(place + 4) % len(RULES)]), isas()):
        network = network_of(cell)
        weights = network.weights()
        made: list[Made] = []
        updates = Updates(cell, H, isa, rule, weights, state_of(rule, weights), 0)
        updates.make(data.sequences(), ORDER, BATCH, RATES, math.inf, made)
        losses, norms = by_torch(network, data, rule, ORDER)
        assert np.abs(made[0].losses - losses).max() < 1e-12, (rule, isa)
        assert np.abs(made[0].norms - norms).max() < 1e-12, (rule, isa)
        assert np.abs(weights - network.weights()).max() < 1e-12, (rule, isa)
        scored = [
            len(rows) if kind[0] == "numbers" else int((data.y[rows] >= 0).sum())
            for rows in (ORDER[first : first + BATCH] for first in range(0, len(ORDER), BATCH))
        ]
        assert made[0].scored.tolist() == scored


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("symbols", "kind"), [(2, np.uint8), (7, np.uint8), (33, np.uint16), (300, np.int32)])
def test_symbols_are_ones_among_zeros_to_the_bit(cell: str, symbols: int, kind: type) -> None:
    """No product is made with zeros, and yet the bits are those of the same sequences handed in as numbers.

    Planted, each seen to fail: rows of a symbol summed from the last; a symbol's first row kept from chunk to chunk (no
    end); a symbol added to the sums without its own partial sum; the symbol one step later.
    """
    draw = np.random.default_rng(symbols)
    x, y = draw.integers(0, symbols, (N, T)).astype(kind), draw.integers(-1, O, (N, T)).astype(np.int32)
    ones = np.eye(symbols, dtype=np.float32)[x]
    GH = GATES[cell] * H
    drawn = draw.standard_normal(GH * (symbols + H + 2) + O * (H + 1)).astype(np.float32) / 4
    for isa in isas():
        found = []
        for inputs in (x, ones):
            weights, rule, made = drawn.copy(), Rule("adam"), list[Made]()
            updates = Updates(cell, H, isa, rule, weights, state_of(rule, weights), 0)
            updates.make(Sequences(inputs, y, None, None, symbols, O, "every"), ORDER, BATCH, RATES, math.inf, made)
            found.append((weights, made[0].losses, made[0].norms))
        assert all(np.array_equal(*pair) for pair in zip(*found, strict=True)), isa


def test_a_weight_that_is_not_finite_is_seen_though_its_symbol_is_not_there() -> None:
    data = Data.random("classes", "every", "symbols", np.float32)
    data.x[:] = np.minimum(data.x, I - 2)
    weights = network_of("gru", torch.float32).weights()
    weights[I - 1] = math.inf  # of the symbol that is not there to the first unit
    counted = Updates("gru", H, isas()[0], Rule("sgd"), weights, {}, 0).evaluate(data.sequences(), 0, N)
    assert np.isnan(counted.losses).all()


def test_calls_and_counts_of_steps_add_up() -> None:
    """One call, and one for each update with the count of steps given anew, as after a resume."""
    data, rule, found = Data.random("classes", "some", "symbols", np.float32), Rule("adam"), []
    for calls in (1, len(RATES)):
        weights = network_of("gru", torch.float32).weights()
        state = state_of(rule, weights)
        size = len(ORDER) if calls == 1 else BATCH
        for call in range(calls):
            updates = Updates("gru", H, isas()[0], rule, weights, state, call)
            updates.make(data.sequences(), ORDER[call * size : (call + 1) * size], BATCH, RATES, math.inf, [])
        found.append(weights)
    assert np.array_equal(*found)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_evaluations_are_sums_over_each_sequence(kind: tuple[str, str, str]) -> None:
    data = Data.random(*kind)
    asked = np.random.default_rng(1).random(data.y.shape[:2]) < 0.5
    network = network_of("lstm")
    updates = Updates("lstm", H, isas()[0], Rule("sgd"), network.weights(), {}, 0)
    for mask in (None, asked):
        parts = [updates.evaluate(data.sequences(mask), first, count) for first, count in ((0, 80), (80, 1), (81, 69))]
        got = Counted(*(np.concatenate([getattr(part, name) for part in parts]) for name in Counted.__annotations__))
        with torch.no_grad():
            out = data.outputs(network, np.arange(N)).numpy()
        if kind[0] == "numbers":
            assert np.abs(got.losses - np.square(out - data.y).sum(axis=(1, 2))).max() < 1e-12
            assert np.abs(got.furthest - np.abs(out - data.y).max(axis=(1, 2))).max() < 1e-12
            assert (got.scored == data.y[0].size).all()
            continue
        scored = data.y >= 0
        logs = out - np.log(np.exp(out).sum(axis=-1, keepdims=True))
        losses = -np.take_along_axis(logs, np.maximum(data.y, 0)[..., None], axis=-1)[..., 0] * scored
        counted = scored if mask is None else mask
        right = counted & scored & (out.argmax(axis=-1) == data.y)
        assert np.abs(got.losses - losses.sum(axis=1)).max() < 1e-12
        assert (got.scored == scored.sum(axis=1)).all()
        assert (got.asked == counted.sum(axis=1)).all()
        assert (got.right == right.sum(axis=1)).all()


def test_of_equal_outputs_the_lowest_class_counts() -> None:
    data = Data.random("classes", "every", "symbols", np.float32)
    weights = np.zeros_like(network_of("gru", torch.float32).weights())
    counted = Updates("gru", H, isas()[0], Rule("sgd"), weights, {}, 0).evaluate(data.sequences(), 0, N)
    assert (counted.right == (data.y == 0).sum(axis=1)).all()
    assert np.allclose(counted.losses, math.log(O) * (data.y >= 0).sum(axis=1))


@pytest.mark.parametrize("cell", CELLS)
def test_steps_go_on_as_torchs_layers_do(cell: str) -> None:
    """From zeros and from where they are, over several blocks of rows; in float64 to 1e-12."""
    network, x = network_of(cell), Data.random("numbers", "last", "values").x
    for isa in isas():
        steps, state, theirs = Steps(cell, H, O, isa, network.weights()), None, None
        for first, last in ((0, 4), (4, 5), (5, 9)):
            out, state = steps.go(x[:, first:last], state)
            with torch.no_grad():
                hidden, theirs = network.layer(torch.from_numpy(x[:, first:last]), theirs)
                right = network.readout(hidden[:, -1]).numpy()
            h, *c = theirs if cell == "lstm" else (theirs,)
            assert np.abs(out - right).max() < 1e-12, isa
            assert np.abs(state.h - h[0].numpy()).max() < 1e-12, isa
            assert (state.c is None) == (not c)
            if state.c is not None:
                assert np.abs(state.c - c[0][0].numpy()).max() < 1e-12, isa


@pytest.mark.parametrize("cell", CELLS)
def test_steps_are_the_bits_of_evaluations_however_they_are_made(cell: str) -> None:
    weights = network_of(cell, torch.float32).weights()
    x, found = Data.random("numbers", "last", "values", np.float32).x, set()
    for isa in isas():
        if isa in UNFUSED:
            continue
        steps, state = Steps(cell, H, O, isa, weights), None
        whole = steps.go(x, None)
        for t in range(T):
            before = state
            out, state = steps.go(x[:, t : t + 1], state)
        assert np.array_equal(out, whole[0])
        assert np.array_equal(state.h, whole[1].h)
        assert before is not None
        assert np.array_equal(steps.go(x[:, -1:], before)[0], out)  # the state before is as it was
        right = Sequences(x, out[:, None], None, None, I, O, "last")  # no further off than the last bit
        assert not Updates(cell, H, isa, Rule("sgd"), weights, {}, 0).evaluate(right, 0, N).furthest.any()
        found.add(out.tobytes())
    assert len(found) <= 1


def test_steps_that_do_not_fit_are_refused() -> None:
    x, weights = Data.random("numbers", "last", "values", np.float32).x, network_of("lstm", torch.float32).weights()
    steps = Steps("lstm", H, O, isas()[0], weights)
    with pytest.raises(ValueError, match="x: of the weights' type"):
        steps.go(x.astype(np.float64), None)
    with pytest.raises(ValueError, match="h: a row"):
        steps.go(x, State(np.zeros((N - 1, H), np.float32), np.zeros((N, H), np.float32)))
    with pytest.raises(ValueError, match="c: an LSTM"):
        steps.go(x, State(np.zeros((N, H), np.float32), None))
    with pytest.raises(ValueError, match="weights: as long"):
        Steps("lstm", H, O + 1, isas()[0], weights).go(x, None)
    with pytest.raises(ValueError, match="none may be empty"):
        steps.go(x[:, :0], None)


def test_what_does_not_fit_is_refused() -> None:
    data = Data.random("classes", "some", "symbols", np.float32)
    assert data.at is not None
    weights = network_of("gru", torch.float32).weights()
    with pytest.raises(ValueError, match="alphabet"):
        Sequences(data.x + np.uint8(1), data.y, data.at, None, I, O, "some")
    with pytest.raises(ValueError, match="class"):
        Sequences(data.x, data.y + np.int32(1), data.at, None, I, O, "some")
    with pytest.raises(ValueError, match="rise"):
        Sequences(data.x, data.y, np.ascontiguousarray(data.at[:, ::-1]), None, I, O, "some")
    with pytest.raises(ValueError, match="at: needed"):
        Sequences(data.x, data.y, None, None, I, O, "some")
    updates = Updates("gru", H, isas()[0], Rule("sgd"), weights, {}, 0)
    with pytest.raises(ValueError, match="no such sequence"):
        updates.make(data.sequences(), np.array([0, N]), 2, RATES, 1.0, [])
    with pytest.raises(ValueError, match="no such sequences"):
        updates.evaluate(data.sequences(), N - 1, 2)
    with pytest.raises(ValueError, match="velocity: needed"):
        Updates("gru", H, isas()[0], Rule("sgd", momentum=0.9), weights, {}, 0).make(
            data.sequences(), ORDER, BATCH, RATES, 1.0, []
        )
    with pytest.raises(ValueError, match="weights: as long"):
        Updates("gru", H + 1, isas()[0], Rule("sgd"), weights, {}, 0).evaluate(data.sequences(), 0, 1)
