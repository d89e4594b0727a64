"""The same bits whatever runs beside: threads, lanes, rows, repeats. Planted faults: see test_values.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from tests.kernels.oracle import CELLS, Problem, needs_native
from unroll.kernels import isas, ops

pytestmark = needs_native


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_threads_and_repeats(cell: str, isa: str) -> None:
    problem = Problem.random(cell, 33, 12, 2, 40)
    before, threads = problem.native(isa), torch.get_num_threads()
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            assert same(problem.native(isa), before)
    finally:
        torch.set_num_threads(threads)
    with ThreadPoolExecutor(4) as pool:  # the GIL is released: these run at once
        assert all(same(after, before) for after in pool.map(lambda _: problem.native(isa), range(16)))


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_lanes(cell: str, isa: str) -> None:
    """Three models in one call have the bits of three calls, in any grouping."""
    problems = [Problem.random(cell, 21, 6, 3, 24, seed) for seed in range(3)]
    alone = [problem.native(isa) for problem in problems]
    names = list(problems[0].inputs)

    def loss(inputs: list[Tensor], incoming: dict[str, Tensor]) -> Tensor:
        states = ops.forward(cell, **dict(zip(names, inputs, strict=True)), isa=isa)
        parts = {"y": states.y, "h_n": states.h_n, "c_n": states.c_n}
        return torch.stack([(parts[n] * incoming[n]).sum() for n in incoming]).sum()

    for lanes in ([0, 1, 2], [2, 0], [1]):
        inputs = [torch.stack([problems[k].inputs[n].float() for k in lanes]) for n in names]
        incoming = {n: torch.stack([problems[k].incoming[n].float() for k in lanes]) for n in problems[0].incoming}
        grads = torch.func.vmap(torch.func.grad(loss))(inputs, incoming)
        for place, k in enumerate(lanes):
            for name, grad in zip(names, grads, strict=True):
                assert torch.equal(grad[place], alone[k][f"d{name}"]), name


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_does_not_depend_on_its_neighbours(cell: str, isa: str) -> None:
    """Forward, in tiles of any height."""
    inputs = {n: t.float() for n, t in Problem.random(cell, 70, 5, 2, 33).inputs.items()}
    whole = ops.forward(cell, **inputs, isa=isa)
    for rows in (slice(0, 1), slice(3, 10), slice(60, 70), slice(5, 70)):
        part = {n: t[rows] if n in ("x", "h0", "c0") else t for n, t in inputs.items()}
        for got, right in zip(ops.forward(cell, **part, isa=isa), whole, strict=True):
            assert (got is None) == (right is None)
            assert got is None or torch.equal(got, right[rows])
