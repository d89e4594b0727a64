"""Updates with products of bfloat16: their sums to the bit, and whole gradients against a plain implementation.

The oracle is float64, but for the operands of the recurrence's three products, which it rounds to bfloat16. A float32
near the middle between two of those may be rounded to the other one than a float64: some 3 in 100,000 are, which is
1e-5 of a gradient, and now and then more; so the median of five is held to little. A sum in bfloat16, or an operand
that is not rounded, is 1e-3 of it.

Planted, each seen to be found: sums rounded to bfloat16; the row of zeros behind an odd number of rows left as it was;
the state after a step in place of the one before; the two weights of a pair exchanged; tile registers shaped once, for
the first product alone.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
import pytest
import torch

from tests.kernels.oracle import CELLS, needs_native
from unroll.kernels import isas
from unroll.kernels.gates import GATES
from unroll.kernels.pick import HALF_INSTRUCTIONS, half_instructions, native
from unroll.kernels.updates import Made, Rule, Sequences, Updates

pytestmark = needs_native

TILE = 16
SMALLEST = float(np.finfo(np.float32).smallest_normal)
SIZES = [  # B, T, I, H, O: rows and units beside whole tiles of 16, of 32 and of 64
    (1, 1, 1, 1, 1),
    (1, 7, 2, 16, 1),
    (2, 3, 3, 33, 2),
    (3, 50, 1, 8, 1),
    (15, 5, 2, 17, 1),
    (16, 4, 2, 32, 3),
    (17, 6, 5, 48, 2),
    (33, 9, 2, 20, 1),
    (63, 2, 4, 31, 1),
    (64, 11, 2, 64, 1),
    (65, 3, 1, 65, 2),
    (97, 8, 3, 96, 1),
    (130, 37, 2, 7, 1),
]


def instructions() -> list[Any]:
    """All that there are, those that this processor lacks to be skipped."""
    here = half_instructions() if isas() else ()
    lacking = pytest.mark.skip(reason="this processor, or this installation, does not have it")
    return [name if name in here else pytest.param(name, marks=lacking) for name in HALF_INSTRUCTIONS]


def rounded(x: np.ndarray) -> np.ndarray:
    """The nearest bfloat16s of float32s, small ones 0, as float32s."""
    near = torch.from_numpy(np.ascontiguousarray(x, np.float32)).bfloat16().float().numpy()
    return np.where(np.abs(x) < SMALLEST, np.copysign(np.float32(0), x), near).astype(np.float32)


def flushed(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < SMALLEST, np.copysign(np.float32(0), x), x).astype(np.float32)


def summed(instruction: str, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """C + A B in an instruction's written order. A product of bfloat16s is a float32, so a sum alone is rounded."""
    k = -(-a.shape[1] // (2 * TILE)) * 2 * TILE
    a, b = (
        np.pad(rounded(m), width) for m, width in ((a, ((0, 0), (0, k - a.shape[1]))), (b, ((0, k - len(b)), (0, 0))))
    )
    c = flushed(c)

    def after(total: np.ndarray, at: int) -> np.ndarray:
        return flushed(total + a[:, at, None] * b[None, at])

    for first in range(0, k, 2 * TILE):
        if instruction == "avx512_bf16":
            for at in range(first, first + 2 * TILE, 2):
                c = after(after(c, at + 1), at)
        else:
            even, odd = np.zeros_like(c), np.zeros_like(c)
            for at in range(first, first + 2 * TILE, 2):
                even, odd = after(even, at), after(odd, at + 1)
            c = flushed(c + flushed(even + odd))
    return c


@pytest.mark.parametrize("instruction", instructions())
@pytest.mark.parametrize(("rows", "columns", "k"), [(1, 16, 1), (7, 16, 31), (16, 48, 32), (33, 80, 65), (64, 64, 256)])
@pytest.mark.parametrize("spread", [0, 20, 70])
def test_products_are_summed_in_the_written_order(
    instruction: str, rows: int, columns: int, k: int, spread: int
) -> None:
    """With wide spreads operands, products and sums below the smallest normal number are among them."""
    draw = np.random.default_rng(0)

    def some(*shape: int) -> np.ndarray:
        powers = draw.integers(-2 * spread, 1, shape)
        return np.ldexp(draw.uniform(-1, 1, shape), powers).astype(np.float32)

    a, b, c = some(rows, k), some(k, columns), some(rows, columns)
    with np.errstate(under="ignore"):
        right = summed(instruction, a, b, c)
    native().half_product(instruction, a, b, c)
    assert c.tobytes() == right.tobytes()


@pytest.mark.parametrize("instruction", instructions())
def test_what_is_not_finite_stays_in_its_row(instruction: str) -> None:
    a, b, c = np.ones((40, 40), np.float32), np.ones((40, 32), np.float32), np.zeros((40, 32), np.float32)
    a[3, 5], a[20, 39] = np.nan, np.inf
    native().half_product(instruction, a, b, c)
    assert np.isnan(c[3]).all()
    assert np.isinf(c[20]).all()
    assert (np.delete(c, (3, 20), 0) == 40).all()


class Product(torch.autograd.Function):
    """W h with both rounded to bfloat16, and in its two derivatives so what comes back."""

    @staticmethod
    def forward(ctx: Any, h: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        h, w = _bf16(h), _bf16(w)
        ctx.save_for_backward(h, w)
        return h @ w.T

    @staticmethod
    def backward(ctx: Any, dz: torch.Tensor) -> Any:
        (h, w), dz = ctx.saved_tensors, _bf16(dz)
        return dz @ w, dz.T @ h


def _bf16(x: torch.Tensor) -> torch.Tensor:
    return x.float().bfloat16().double()


def states(cell: str, x: torch.Tensor, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> torch.Tensor:
    """The last states of sequences x (B, T, I), in float64 but for the rounded operands."""
    H = w_hh.shape[1]
    h = c = torch.zeros(len(x), H, dtype=torch.float64)
    for t in range(x.shape[1]):
        of_x, of_h = x[:, t] @ w_ih.T + b_ih, Product.apply(h, w_hh) + b_hh
        if cell == "lstm":
            i, f, g, o = (of_x + of_h).split(H, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        elif cell == "gru":
            r, u = (of_x + of_h)[:, : 2 * H].sigmoid().split(H, 1)
            n = (of_x[:, 2 * H :] + r * of_h[:, 2 * H :]).tanh()
            h = n + u * (h - n)
        else:
            h = (of_x + of_h).tanh() if cell == "tanh_rnn" else (of_x + of_h).relu()
    return h


class Case:
    """A layer's weights and some sequences, in float32; more sequences than a batch has."""

    def __init__(self, cell: str, B: int, T: int, I: int, H: int, O: int, seed: int = 0):  # noqa: E741
        draw, GH = np.random.default_rng(seed), GATES[cell] * H
        self.cell, self.B, self.H = cell, B, H
        self.shapes = [(GH, I), (GH, H), (GH,), (GH,), (O, H), (O,)]
        bound = 1 / math.sqrt(H)
        self.parts = [draw.uniform(-bound, bound, shape).astype(np.float32) for shape in self.shapes]
        self.x = draw.standard_normal((B + 3, T, I)).astype(np.float32)
        self.y = draw.standard_normal((B + 3, 1, O)).astype(np.float32)
        self.order = draw.permutation(B + 3)[:B].astype(np.int64)
        self.sequences = Sequences(self.x, self.y, None, None, I, O, "last")

    def gradients(self) -> list[np.ndarray]:
        """By the oracle, one for each part of the weights."""
        parts = [torch.from_numpy(part).double().requires_grad_() for part in self.parts]
        h = states(self.cell, torch.from_numpy(self.x[self.order]).double(), *parts[:4])
        out = h @ parts[4].T + parts[5]
        loss = ((out - torch.from_numpy(self.y[self.order, 0]).double()) ** 2).mean()
        return [gradient.numpy() for gradient in torch.autograd.grad(loss, parts)]

    def updates(self, products: str, rule: str = "sgd") -> tuple[np.ndarray, Updates]:
        """Fresh weights, and what updates them."""
        weights = np.concatenate([part.ravel() for part in self.parts])
        state = {name: np.zeros_like(weights) for name in ("average", "square")} if rule == "adam" else {}
        return weights, Updates(self.cell, self.H, isas()[0], Rule(rule), weights, state, 0, products)

    def made(self, products: str) -> list[np.ndarray]:
        """The same gradients by native code: what a step of gradient descent of 1 takes away, in float64."""
        weights, updates = self.updates(products)
        before = weights.copy()
        updates.make(self.sequences, self.order, self.B, np.ones(1), math.inf, list[Made]())
        ends = np.cumsum([math.prod(shape) for shape in self.shapes])[:-1]
        return [
            part.reshape(shape)
            for part, shape in zip(np.split(before.astype(float) - weights, ends), self.shapes, strict=True)
        ]


@pytest.mark.parametrize("instruction", instructions())
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_rounded_operands(cell: str, size: tuple[int, ...], instruction: str) -> None:
    away = []
    for seed in range(5):
        case = Case(cell, *size, seed=seed)
        pairs = zip(case.made(instruction), case.gradients(), strict=True)
        away.append([np.linalg.norm(found - right) / max(np.linalg.norm(right), 1e-3) for found, right in pairs])
    assert np.median(away, axis=0).max() < 5e-5
    assert np.max(away) < 2e-3


@pytest.mark.parametrize("instruction", instructions())
@pytest.mark.parametrize("cell", CELLS)
def test_calls_add_up_to_the_same_bits(cell: str, instruction: str) -> None:
    """Whole batches and smaller ones, one call for all or one for each; twice gives the same."""
    case, batch = Case(cell, 90, 9, 2, 20, 1), 35
    rates = np.full(3, 0.01)
    found = set()
    for parts in ([slice(0, 90)], [slice(0, 35), slice(35, 70), slice(70, 90)], [slice(0, 90)]):
        weights, updates = case.updates(instruction, "adam")
        for part in parts:
            order = case.order[part]
            updates.make(case.sequences, order, batch, rates[: math.ceil(len(order) / batch)], math.inf, list[Made]())
        found.add(weights.tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("instruction", instructions())
@pytest.mark.parametrize("cell", CELLS)
def test_threads_of_a_process_do_not_meet(cell: str, instruction: str) -> None:
    """Tile registers are a thread's own. Trainings of different sizes, many at once and one after another."""
    cases = [Case(cell, B, 20, 2, H, 1) for B, H in ((5, 20), (64, 64), (23, 33), (40, 16))]

    def train(case: Case, to: list[bytes]) -> None:
        weights, updates = case.updates(instruction, "adam")
        for _ in range(10):
            updates.make(case.sequences, case.order, 16, np.full(math.ceil(case.B / 16), 0.01), math.inf, list[Made]())
        to.append(weights.tobytes())

    alone: list[list[bytes]] = [[] for _ in cases]
    beside: list[list[bytes]] = [[] for _ in cases]
    for case, to in zip(cases, alone, strict=True):
        train(case, to)
    threads = [threading.Thread(target=train, args=both) for both in zip(cases, beside, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert beside == alone


@pytest.mark.parametrize("instruction", instructions())
@pytest.mark.parametrize("cell", CELLS)
def test_symbols_are_ones_among_zeros_to_the_bit(cell: str, instruction: str) -> None:
    case = Case(cell, 40, 9, 5, 20, 1)
    symbols = np.random.default_rng(0).integers(0, 5, (43, 9)).astype(np.uint8)
    found = set()
    for x in (symbols, np.eye(5, dtype=np.float32)[symbols]):
        weights, updates = case.updates(instruction)
        updates.make(Sequences(x, case.y, None, None, 5, 1, "last"), case.order, 40, np.ones(1), math.inf, list[Made]())
        found.add(weights.tobytes())
    assert len(found) == 1


@pytest.mark.parametrize("instruction", instructions())
def test_evaluations_are_float32(instruction: str) -> None:
    case = Case("lstm", 40, 9, 5, 20, 1)
    found = [case.updates(products)[1].evaluate(case.sequences, 0, 40).losses for products in ("float32", instruction)]
    assert found[0].tobytes() == found[1].tobytes()


def test_what_there_is_not_is_refused() -> None:
    case = Case("gru", 4, 3, 2, 8, 1)
    with pytest.raises(ValueError, match='instruction "bf8": this binary or this processor does not have it'):
        case.made("bf8")
    a = np.zeros((2, 2), np.float32)
    for name in half_instructions():
        with pytest.raises(ValueError, match="columns in blocks of 16"):
            native().half_product(name, a, a, a)


@pytest.mark.parametrize("instruction", instructions())
def test_numbers_of_float64_are_refused(instruction: str) -> None:
    x, y, weights = np.zeros((2, 3, 1)), np.zeros((2, 1, 1)), np.zeros(2 + 4 + 2 + 2 + 2 + 1)
    updates = Updates("tanh_rnn", 2, isas()[0], Rule("sgd"), weights, {}, 0, instruction)
    with pytest.raises(ValueError, match="float32 is needed where products are of bfloat16"):
        updates.make(Sequences(x, y, None, None, 1, 1, "last"), np.arange(2), 2, np.ones(1), math.inf, [])
