"""What a call leaves behind: the floating-point mode as it was, memory given back, a process that can fork."""

from __future__ import annotations

import gc
import os

import pytest
import torch

from tests.kernels.oracle import CELLS, Problem, needs_native
from unroll.kernels import isas, ops

pytestmark = needs_native


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_the_floating_point_mode_is_as_it_was(cell: str, flush: bool) -> None:
    from unroll.kernels import _native

    problem = Problem.random(cell, 4, 5, 2, 6)
    torch.set_flush_denormal(flush)
    try:
        before = _native.float_mode()
        for isa in isas():
            problem.native(isa)
        with pytest.raises(ValueError, match="w_ih"):
            ops.forward(cell, **(problem.inputs | {"w_ih": torch.zeros(1, 2, dtype=torch.float64)}))
        assert _native.float_mode() == before
        assert bool(torch.tensor(1e-30) * 1e-10 == 0) is flush
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("isa", isas())
def test_denormals_are_flushed_inside(isa: str) -> None:
    h0 = torch.full((1, 1, 1), 1e-39).numpy()
    x, w = torch.zeros(1, 1, 1, 1).numpy(), torch.ones(1, 1, 1).numpy()
    h_n = torch.full((1, 1, 1), 7.0).numpy()
    from unroll.kernels import _native

    _native.forward("relu_rnn", isa, x, w, w, None, None, h0, None, None, None, h_n, None, None)
    assert h_n.item() == 0


def test_memory_comes_back() -> None:
    from unroll.kernels import _native

    _native.empty_blocks()
    assert _native.unused_bytes() == 0
    problem = Problem.random("lstm", 8, 50, 2, 16)
    problem.native(isas()[0])
    gc.collect()
    kept = _native.unused_bytes()
    assert kept > 0
    for _ in range(20):
        problem.native(isas()[0])
    assert _native.unused_bytes() == kept
    _native.empty_blocks()
    assert _native.unused_bytes() == 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_computes_the_same() -> None:
    problem = Problem.random("gru", 8, 9, 2, 16)
    states = ops.forward("gru", **problem.inputs)
    child = os.fork()
    if child == 0:
        after = ops.forward("gru", **problem.inputs)
        os._exit(0 if torch.equal(after.h_n, states.h_n) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
