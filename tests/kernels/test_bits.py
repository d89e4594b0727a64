"""The same bits whatever runs beside: threads, lanes, rows, repeats. Planted faults: see test_values.py."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from tests.kernels.oracle import CELLS, Problem, needs_native
from unroll.kernels import isas, ops

pytestmark = needs_native


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_threads_and_repeats(cell: str, isa: str) -> None:
    """Sizes small and large enough for threads, one of them with several blocks of rows and a dx."""
    for size in [(33, 12, 2, 40), (64, 63, 2, 100), (150, 37, 5, 70)]:
        problem = Problem.random(cell, *size)
        before = problem.native(isa)
        for count in (1, 2, 3, 5):
            with torch_threads(count):
                assert same(problem.native(isa), before), (size, count)


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_written_past_the_caches_is_what_is_read(cell: str) -> None:
    """More than kCachedBytes (layout.hpp): what one thread has written there another reads, and few rows are not.

    Planted, each seen to be found: the next row's place written; one number of a row left out.
    """
    problem, few = Problem.random(cell, 70, 410, 2, 64), slice(0, 9)
    whole = problem.native(isas()[0])
    for count in (1, 2, 3):
        with torch_threads(count):
            assert same(problem.native(isas()[0]), whole), count
    inputs = {n: t[few] if n in ("x", "h0", "c0") else t for n, t in problem.inputs.items()}
    part = Problem(cell, inputs, {n: t[few] for n, t in problem.incoming.items()}).native(isas()[0])
    for name in part.keys() - {"dw_ih", "dw_hh", "db_ih", "db_hh"}:
        assert torch.equal(part[name], whole[name][few]), name


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_callers_at_once(cell: str, isa: str) -> None:
    """From several Python threads: the GIL is released, so they run at once, some with threads of their own."""
    problem = Problem.random(cell, 33, 60, 2, 100)
    before = problem.native(isa)

    def call(threads: int) -> bool:
        with torch_threads(threads):
            return same(problem.native(isa), before)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, [1, 2, 1, 3, 2, 1, 2, 3]))


@pytest.mark.parametrize("cell", CELLS)
def test_sequences_that_end_early_and_threads(cell: str) -> None:
    problem = Problem.random(cell, 64, 63, 3, 100)
    lengths = torch.arange(63, -1, -1).clamp_min(1)
    seen = []
    for count in (1, 2, 4):
        inputs = {n: t.float().requires_grad_() for n, t in problem.inputs.items()}
        with torch_threads(count):
            states = ops.forward(cell, **inputs, lengths=lengths)
            grads = torch.autograd.grad(states.h_n.square().sum() + states.y.square().sum(), list(inputs.values()))
        seen.append(dict(zip(inputs, grads, strict=True)) | {"y": states.y, "h_n": states.h_n})
    assert same(seen[0], seen[1])
    assert same(seen[0], seen[2])


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_lanes(cell: str, isa: str) -> None:
    """Three models in one call have the bits of three calls, in any grouping."""
    problems = [Problem.random(cell, 21, 50, 3, 70, seed) for seed in range(3)]
    alone = [problem.native(isa) for problem in problems]
    names = list(problems[0].inputs)

    def loss(inputs: list[Tensor], incoming: dict[str, Tensor]) -> Tensor:
        states = ops.forward(cell, **dict(zip(names, inputs, strict=True)), isa=isa)
        parts = {"y": states.y, "h_n": states.h_n, "c_n": states.c_n}
        return torch.stack([(parts[n] * incoming[n]).sum() for n in incoming]).sum()

    for lanes, threads in itertools.product(([0, 1, 2], [2, 0], [1]), (1, 2, 5)):
        inputs = [torch.stack([problems[k].inputs[n].float() for k in lanes]) for n in names]
        incoming = {n: torch.stack([problems[k].incoming[n].float() for k in lanes]) for n in problems[0].incoming}
        with torch_threads(threads):
            grads = torch.func.vmap(torch.func.grad(loss))(inputs, incoming)
        for place, k in enumerate(lanes):
            for name, grad in zip(names, grads, strict=True):
                assert torch.equal(grad[place], alone[k][f"d{name}"]), name


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_does_not_depend_on_its_neighbours(cell: str, isa: str) -> None:
    """Its values and gradients, in tiles of any height."""
    problem = Problem.random(cell, 70, 5, 2, 33)
    whole = problem.native(isa)
    for rows in (slice(0, 1), slice(3, 10), slice(60, 70), slice(5, 70)):
        inputs = {n: t[rows] if n in ("x", "h0", "c0") else t for n, t in problem.inputs.items()}
        part = Problem(cell, inputs, {n: t[rows] for n, t in problem.incoming.items()}).native(isa)
        for name in part.keys() - {"dw_ih", "dw_hh", "db_ih", "db_hh"}:
            assert torch.equal(part[name], whole[name][rows]), name
